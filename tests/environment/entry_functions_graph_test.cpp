#include <utility>
#include <vector>

#include "environment/entry_functions.hpp"
#include "graph/small_models.hpp"
#include "repeatable.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/attack.hpp"
#include "sigmax/lipschitz/certified_accuracy.hpp"
#include "sigmax/lipschitz/classifier.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/lipschitz/output_bounds.hpp"
#include "sigmax/lipschitz/pairs.hpp"
#include "sigmax/lipschitz/walk.hpp"
#include "sigmax/ops/materialize.hpp"
#include "support/graphs.hpp"

namespace sigmax {
namespace {

void add(Values& all, const graph::Box& box) {
  for (const graph::Interval& each : box) {
    all.push_back(each.least);
    all.push_back(each.greatest);
  }
}

double value_of(const std::optional<UpperBound>& bound) { return bound ? bound->value() : -1; }

// Inputs with subnormal entries.
Values point_of(const graph::Graph& graph) {
  Values x = gallery::normal(input_size(graph), 31);
  for (std::size_t i = 0; i < x.size(); i += 3) x[i] *= 0x1p-1030;
  return x;
}

void add_evaluation(Functions& f, const graph::Graph& graph) {
  const Values x = point_of(graph);
  f.add("values and derivatives of a graph", [=](Context& context) {
    const graph::Values values = evaluate(graph, x, context);
    const Values y = outputs(graph, values);
    const Operator<double> j = jacobian(graph, x, context);
    Values image(y.size());
    j->apply(x, image, context);
    return Values(Result(y, forward(graph, values, x, context), reverse(graph, values, y, context), image,
                         bend(graph, values, x, y, 0.25, context)));
  });
  f.add("ranges of a graph", [=](Context& context) {
    Values all;
    const std::vector<graph::Box> boxes = ranges(graph, graph::box_of(x), context);
    for (const graph::Box& box : boxes) add(all, box);
    add(all, range_of(graph, graph.nodes.size() - 1, boxes, context));
    const graph::Evaluated evaluated = evaluate_with_errors(graph, x, context);
    return Values(Result(all, evaluated.values, evaluated.errors));
  });
}

void add_bounds_of(Functions& f, const graph::Graph& graph) {
  const Values x = point_of(graph);
  const lipschitz::Ball ball{x, 0.375};
  lipschitz::WalkOptions options;
  options.certify = repeatable<CertifyOptions>();
  for (const lipschitz::Domain& domain : {lipschitz::Domain(lipschitz::Everywhere{}), lipschitz::Domain(ball)}) {
    f.add("Lipschitz bounds " + describe(domain), [=](Context& context) {
      const lipschitz::Walk walk = lipschitz::walk(graph, domain, options, context);
      Values all{value_of(walk.bound), value_of(walk.product)};
      for (const lipschitz::Layer& layer : walk.layers) all.push_back(value_of(layer.running));
      for (const auto& each : lipschitz::pair_bounds(graph, {{0, 1}}, domain, options, context)) {
        all.push_back(value_of(each));
      }
      auto quick = repeatable<lipschitz::LowerOptions>();
      quick.starts = 1;
      quick.steps = 4;
      const lipschitz::Lower lower = lower_bound(graph, domain, quick, context);
      return Values(
          Result(all, lower.bound.value(), lower.x, lower.y,
                 lipschitz::difference_quotient(graph, lower.x, x, lipschitz::VectorNorm::one, context).value()));
    });
  }
  f.add("network_bound", [=](Context& context) {
    lipschitz::NetworkBoundOptions how;
    how.walk = options;
    how.lower = false;
    const lipschitz::NetworkEnclosure found = network_bound(graph, ball, how, context);
    Values all{value_of(found.upper), value_of(found.inequality)};
    for (const lipschitz::PartBound& part : found.parts) all.push_back(value_of(part.bound));
    for (const auto& each : lipschitz::output_bounds(graph, {0, 1}, ball, how, context)) all.push_back(value_of(each));
    return all;
  });
  f.add("domains", [=](Context&) {
    Values all;
    const graph::Box box = lipschitz::box_of(ball, static_cast<std::int64_t>(x.size()));
    add(all, box);
    const lipschitz::Ball around = lipschitz::ball_of(box, static_cast<std::int64_t>(x.size()));
    const double reach = lipschitz::reach_of(box, lipschitz::VectorNorm::one, static_cast<std::int64_t>(x.size()));
    return Values(Result(all, around.center, around.radius, reach));
  });
  f.add("attack", [=](Context& context) {
    auto quick = repeatable<lipschitz::AttackOptions>();
    quick.starts = 2;
    quick.steps = 3;
    const std::optional<bool> first = lipschitz::puts_first(graph, x, 0, context);
    const auto found = lipschitz::attack(graph, x, 0, 0.75, quick, context);
    return Values(Result(found.value_or(Values()), first ? (*first ? 1.0 : 0.0) : -1.0));
  });
}

void add_certified(Functions& f) {
  graph_support::Maker maker(6);
  const graph::Index x = maker.input(3);
  maker.graph.outputs = {maker.affine(maker.apply(maker.affine(x, 5), graph_support::relu()), 3)};
  const graph::Graph network = maker.graph;
  const std::vector<double> at = maker.normal(3);
  f.add("classifier, margin_bounds and certified_accuracy", [=](Context& context) {
    const lipschitz::Classifier classifier = lipschitz::classifier(network, {{0.3}, {0.7}});
    lipschitz::CertifiedAccuracyOptions options;
    options.radii = {0.01, 0.25, 1};
    options.bound.walk.certify = repeatable<CertifyOptions>();
    options.attack = repeatable<lipschitz::AttackOptions>();
    options.attack.steps = 4;
    const auto found = certified_accuracy(classifier.graph, {{at, 0}, {at, 1}, {at, 2}}, options, context);
    Values all;
    for (const lipschitz::InputResult& each : found.inputs) {
      all.push_back(each.radius);
      all.push_back(each.error);
      for (const lipschitz::Robustness state : each.at) all.push_back(static_cast<double>(state));
    }
    for (const auto& each : found.pairs) all.push_back(value_of(each));
    const lipschitz::Ball ball{at, 0.25};
    for (const auto& each : lipschitz::margin_bounds(classifier.graph, {{0, 1}}, ball, options.bound, context)) {
      all.push_back(value_of(each));
    }
    return all;
  });
}

// Constants that are folded, and a normalization whose factors go into subnormal weights.
void add_import(Functions& f) {
  using namespace graph::testing;
  std::vector<float> kernel;
  for (int e = 0; e < 2 * 3; ++e) kernel.push_back(e % 2 == 0 ? 3e-39F : 1.0F / static_cast<float>(3 + e));
  const io::Computation computation = computation_of(model_of(
      {node("Sqrt", {"v"}, {"root"}), node("Div", {"g", "root"}, {"gain"}), node("Conv", {"x", "w"}, {"c"}),
       node("BatchNormalization", {"c", "gain", "root", "g", "v"}, {"y"})},
      {floats("w", {2, 1, 3}, kernel), floats("g", {2}, {0.3F, 7e-39F}), floats("v", {2}, {3, 0.7F})}, {1, 1, 5}));
  f.add("import of a graph", [=](Context& context) {
    const graph::Graph imported = graph::from_onnx(computation);
    const auto& affine = std::get<graph::Affine>(imported.nodes.at(imported.outputs.at(0)).operation);
    return Values(Result(affine.offset, affine.row_error, materialize(*affine.map, context)));
  });
}

}  // namespace

void add_graphs(Functions& f) {
  add_import(f);
  add_certified(f);
  using graph_support::Kind;
  add_evaluation(f, graph_support::composition(3, 8, graph_support::all_kinds()));
  add_bounds_of(f, graph_support::composition(
                       4, 4, {Kind::affine, Kind::relu, Kind::tanh, Kind::softmax, Kind::layer_norm, Kind::lstm}));
}

}  // namespace sigmax
