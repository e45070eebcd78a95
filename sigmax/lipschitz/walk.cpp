#include "sigmax/lipschitz/walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/graph/unrolled.hpp"
#include "sigmax/lipschitz/walk/attention.hpp"
#include "sigmax/lipschitz/walk/expansion.hpp"
#include "sigmax/lipschitz/walk/linear_form.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"
#include "sigmax/lipschitz/walk/row_norms.hpp"
#include "sigmax/lipschitz/walk/rule.hpp"
#include "sigmax/lipschitz/walk/vector_radii.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;

std::string name_of(const graph::Operation& operation) {
  return std::visit(
      [](const auto& o) -> std::string {
        using O = std::decay_t<decltype(o)>;
        if constexpr (std::is_same_v<O, graph::Input>) return "Input";
        if constexpr (std::is_same_v<O, graph::Constant>) return "Constant";
        if constexpr (std::is_same_v<O, graph::Affine>) return "Affine";
        if constexpr (std::is_same_v<O, graph::Sum>) return "Sum";
        if constexpr (std::is_same_v<O, graph::Stack>) return "Stack";
        if constexpr (std::is_same_v<O, graph::Product>) return "Product";
        if constexpr (std::is_same_v<O, graph::Quotient>) return "Quotient";
        if constexpr (std::is_same_v<O, graph::MatrixProduct>) return "MatrixProduct";
        if constexpr (std::is_same_v<O, graph::Extreme>) return o.least ? "Min" : "Max";
        if constexpr (std::is_same_v<O, graph::Softmax>) return o.logarithm ? "LogSoftmax" : "Softmax";
        if constexpr (std::is_same_v<O, graph::MaxPool>) return "MaxPool";
        if constexpr (std::is_same_v<O, graph::Refused>) return "Refused";
        if constexpr (std::is_same_v<O, graph::Sorted>) return "Sort";
        if constexpr (std::is_same_v<O, graph::LocalResponse>) return "LRN";
        if constexpr (std::is_same_v<O, graph::Standardization>) return o.centered ? "LayerNorm" : "RMSNorm";
        if constexpr (std::is_same_v<O, graph::Elementwise>) {
          return o.functions.size() == 1 ? o.functions[0]->name() : "Elementwise";
        }
        if constexpr (std::is_same_v<O, graph::Reduction>) {
          switch (o.kind) {
            case graph::Reduction::Kind::Maximum: return "ReduceMax";
            case graph::Reduction::Kind::Minimum: return "ReduceMin";
            case graph::Reduction::Kind::EuclideanNorm: return "ReduceL2";
            case graph::Reduction::Kind::AbsoluteSum: return "ReduceL1";
            case graph::Reduction::Kind::LogSumExp: return "ReduceLogSumExp";
          }
        }
        if constexpr (std::is_same_v<O, graph::Recurrence>) {
          switch (o.kind) {
            case graph::Recurrence::Kind::Simple: return "RNN";
            case graph::Recurrence::Kind::Gru: return "GRU";
            case graph::Recurrence::Kind::Lstm: return "LSTM";
          }
        }
        return "";
      },
      operation);
}

bool is_linear(const graph::Operation& operation) {
  return std::holds_alternative<graph::Affine>(operation) || std::holds_alternative<graph::Sum>(operation) ||
         std::holds_alternative<graph::Stack>(operation);
}

class Walker {
 public:
  /// `elsewhere`: bounds that hold on a domain around this one, if there are any.
  Walker(const graph::Graph& graph, const Domain& domain, const WalkOptions& options, std::vector<Limit> elsewhere,
         Norms& norms)
      : graph_(graph),
        options_(options),
        context_(norms.context()),
        norms_(norms),
        ball_(ball_of(domain, input_size(graph))),
        radius_(reach_of(domain, options.norm, input_size(graph))),
        needed_(leads_to_output(graph)),
        moves_(depends_on_input(graph)),
        ends_(graph.nodes.size(), false),
        boxes_(graph.nodes.size()),
        sizes_(graph.nodes.size()),
        best_(graph.nodes.size()),
        plain_(graph.nodes.size()),
        elsewhere_(std::move(elsewhere)),
        forms_(graph, moves_, options.norm),
        known_{graph, boxes_, sizes_, moves_},
        expansion_(graph, forms_, boxes_, best_, options.join_up_to, options.most_splits, norms_),
        radii_(known_, best_, at_center_, ball_.radius, norms_),
        attention_(known_, best_, options.join_up_to, radii_, norms_) {
    place_inputs(box_of(domain, input_size(graph)));
    if (is_bounded()) at_center_ = ranges(graph, graph::box_of(ball_.center), context_);
    // Joined bounds are of use where something other than a linear map reads them.
    for (const Index output : graph.outputs) ends_[output] = true;
    for (const graph::Node& node : graph.nodes) {
      for (const Index input : node.inputs) ends_[input] = ends_[input] || !is_linear(node.operation);
    }
  }

  Walk run() {
    for (Index node = 0; node < graph_.nodes.size(); ++node) {
      if (!needed_[node]) continue;
      context_.check_cancel();
      visit(node);
    }
    walk_.bound = upper_of(of_outputs(best_));
    walk_.product = upper_of(of_outputs(plain_));
    walk_.assumptions = graph_.assumptions;
    walk_.boxes = boxes_;
    return std::move(walk_);
  }

  const std::vector<Limit>& bounds() const { return best_; }

 private:
  bool is_bounded() const { return std::isfinite(ball_.radius); }

  void place_inputs(const graph::Box& input) {
    auto next = input.begin();
    for (const Index node : graph_.inputs) {
      const auto end = next + graph_.nodes[node].size();
      boxes_[node].assign(next, end);
      next = end;
    }
  }

  void visit(Index node) {
    const graph::Operation& operation = graph_.nodes[node].operation;
    const bool is_input = std::holds_alternative<graph::Input>(operation);
    if (!is_input) boxes_[node] = range_of(graph_, node, boxes_, context_);
    if (!moves_[node]) {
      best_[node] = limit(0);
      plain_[node] = limit(0);
    } else if (is_input) {
      best_[node] = limit(1);
      plain_[node] = limit(1);
      forms_.add(node, limit(1));
    } else {
      attention_.meet(node, boxes_[node]);
      bound(node);
    }
    meet_ball(node);
  }

  void bound(Index node) {
    const Rule rule = rule_of(node, known_, norms_);
    plain_[node] = combined(node, rule, plain_);
    best_[node] = combined(node, rule, best_);
    forms_.add(node, rule.factors.size() == 1 ? rule.factors[0] : std::nullopt);
    if (options_.join_up_to > 0 && ends_[node] && is_linear(graph_.nodes[node].operation)) {
      best_[node] = lesser(best_[node], expansion_.bound(node));
    }
    best_[node] = lesser(best_[node], attention_.bound(node));
    best_[node] = lesser(best_[node], by_steps(node));
    if (!elsewhere_.empty()) best_[node] = lesser(best_[node], elsewhere_[node]);
    if (!best_[node]) refuse(node, rule);
    walk_.layers.push_back({node, graph_.nodes[node].name, name_of(graph_.nodes[node].operation),
                            graph_.nodes[node].shape, upper_of(alone(node, rule)), upper_of(best_[node])});
  }

  // Of a recurrence the walk over its steps, where gates and states have their own ranges.
  Limit by_steps(Index node) const {
    // Each step is a dozen nodes, for which several joined maps are proven.
    constexpr std::int64_t kMostSteps = 32, kMostStates = 512;
    const auto* const recurrence = std::get_if<graph::Recurrence>(&graph_.nodes[node].operation);
    if (recurrence == nullptr || recurrence->steps < 1 || recurrence->hidden < 1 || recurrence->steps > kMostSteps ||
        recurrence->hidden > kMostStates / recurrence->steps || options_.join_up_to == 0) {
      return std::nullopt;
    }
    const graph::Graph steps = unrolled(*recurrence);
    WalkOptions options = options_;
    options.known.reset();
    const Index from = graph_.nodes[node].inputs[0];
    Norms norms(options.norm, options.certify, options.convolution, {}, context_);
    const Walk found = Walker(steps, boxes_[from], options, {}, norms).run();
    return found.bound ? limit(found.bound->value()) * best_[from] : std::nullopt;
  }

  // What is a consequence of another node is left out: where no shape is known, and where values are not bounded
  // because nothing is known of the nodes before.
  void refuse(Index node, const Rule& rule) {
    const bool own_fault = rule.factors.empty() && !rule.needs_bounded_domain;
    for (const Index input : graph_.nodes[node].inputs) {
      const graph::Node& before = graph_.nodes[input];
      if (std::holds_alternative<graph::Refused>(before.operation) && before.size() == 0) return;
      if (!best_[input] && !own_fault) return;
    }
    const bool overflow = !rule.factors.empty();
    walk_.refused.push_back({node, graph_.nodes[node].name,
                             overflow ? "has a bound beyond the range of double" : rule.reason,
                             rule.needs_bounded_domain && !is_bounded()});
  }

  Limit combined(Index node, const Rule& rule, const std::vector<Limit>& of) const {
    if (rule.factors.empty()) return std::nullopt;
    const std::vector<Index>& inputs = graph_.nodes[node].inputs;
    Limit total = limit(0);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (!moves_[inputs[k]]) continue;
      const Limit term = rule.factors[k] * of[inputs[k]];
      total = rule.separate ? stacked(options_.norm, total, term) : total + term;
    }
    return total;
  }

  // The node as a function of its inputs one after another: a row of factors, or the greatest where the inputs' shares
  // are separate.
  Limit alone(Index node, const Rule& rule) const {
    if (rule.factors.empty()) return std::nullopt;
    const std::vector<Index>& inputs = graph_.nodes[node].inputs;
    Limit total = limit(0);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (!moves_[inputs[k]]) continue;
      total = rule.separate ? greater(total, rule.factors[k]) : side_by_side(options_.norm, total, rule.factors[k]);
    }
    return total;
  }

  // |f(x) - f(c)| <= L R for all x within R of c, which holds for each entry too. Of a linear map A y, entry i moves by
  // no more than |row i of A| times what y does: the Euclidean norm of the row, which for the 1-norm is more than its
  // greatest entry. For the infinity-norm it is the sum of the row, which range_of() knows.
  void meet_ball(Index node) {
    if (is_bounded() && best_[node] && moves_[node]) {
      const Limit reach = best_[node] * limit(radius_);
      if (reach) meet_center(node, std::vector<double>(boxes_[node].size(), reach->upper->value()));
      const auto* const affine = std::get_if<graph::Affine>(&graph_.nodes[node].operation);
      if (affine != nullptr && options_.norm != VectorNorm::infinity) meet_rows(node, *affine);
    }
    sizes_[node] = size_of(node, known_, norms_);
    if (is_bounded() && best_[node] && options_.norm == VectorNorm::two) {
      const auto entries = static_cast<std::int64_t>(at_center_[node].size());
      const Limit at_center = radii_of_box(at_center_[node], rows_of(1, 1, entries), 0).size;
      sizes_[node] = lesser(sizes_[node], at_center + best_[node] * limit(ball_.radius));
    }
  }

  void meet_rows(Index node, const graph::Affine& affine) {
    const Limit reach = best_[graph_.nodes[node].inputs[0]] * limit(radius_) * limit(1 + 2 * affine.row_error);
    if (!reach) return;
    std::optional<std::vector<double>> rows = row_norms(*affine.map, false, context_);
    if (!rows) return;
    for (double& each : *rows) each = graph::up(each * reach->upper->value());
    meet_center(node, *rows);
  }

  void meet_center(Index node, const std::vector<double>& reach) {
    const graph::Box& center = at_center_[node];
    for (std::size_t i = 0; i < center.size(); ++i) {
      boxes_[node][i] = graph::overlap(boxes_[node][i], center[i] + graph::Interval{-reach[i], reach[i]});
    }
  }

  Limit of_outputs(const std::vector<Limit>& of) const {
    Limit total = limit(0);
    for (const Index output : graph_.outputs) total = stacked(options_.norm, total, of[output]);
    return total;
  }

  const graph::Graph& graph_;
  const WalkOptions& options_;
  Context& context_;
  Norms& norms_;
  Ball ball_;
  double radius_;  ///< of a ball around the same center that holds the domain, in the norm of the options
  std::vector<bool> needed_;
  std::vector<bool> moves_;
  std::vector<bool> ends_;
  std::vector<graph::Box> at_center_;
  std::vector<graph::Box> boxes_;
  std::vector<Limit> sizes_;
  std::vector<Limit> best_;
  std::vector<Limit> plain_;
  std::vector<Limit> elsewhere_;
  LinearForms forms_;
  Known known_;
  Expansion expansion_;
  VectorRadii radii_;
  AttentionBound attention_;
  Walk walk_;
};

}  // namespace

Walk walk(const graph::Graph& graph, const Domain& domain, const WalkOptions& options, Context& context) {
  const FloatingEnvironment environment;
  graph::validate(graph);
  validate(domain, graph);
  // On a small domain slopes are known better, but how a function is best split is not: a bound that holds everywhere
  // may be less.
  Norms norms(options.norm, options.certify, options.convolution, options.known, context);
  Walker everywhere(graph, Everywhere{}, options, {}, norms);
  Walk found = everywhere.run();
  if (std::holds_alternative<Everywhere>(domain)) return found;
  return Walker(graph, domain, options, everywhere.bounds(), norms).run();
}

std::shared_ptr<const KnownNorms> known_norms(const graph::Graph& graph, const WalkOptions& options, Context& context) {
  const FloatingEnvironment environment;
  Norms norms(options.norm, options.certify, options.convolution, options.known, context);
  auto found = std::make_shared<KnownNorms>(options.norm);
  const std::vector<bool> needed = leads_to_output(graph);
  const std::vector<bool> moves = depends_on_input(graph);
  for (Index node = 0; node < graph.nodes.size(); ++node) {
    const auto* const affine = std::get_if<graph::Affine>(&graph.nodes[node].operation);
    if (affine == nullptr || !needed[node] || !moves[node]) continue;
    if (const Limit norm = norms.of(affine->map)) found->add(affine->map, norm);
  }
  return found;
}

std::shared_ptr<const KnownNorms> known_norms(const graph::Graph& graph, const WalkOptions& options) {
  Context context;
  return known_norms(graph, options, context);
}

Walk walk(const graph::Graph& graph, const Domain& domain, const WalkOptions& options) {
  Context context;
  return walk(graph, domain, options, context);
}

}  // namespace sigmax::lipschitz
