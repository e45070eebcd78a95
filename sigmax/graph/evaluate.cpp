#include "sigmax/graph/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/evaluate/linearization.hpp"
#include "sigmax/graph/evaluate/local_map.hpp"

namespace sigmax::graph {
namespace evaluation {

Map local_map(const Node& node) {
  return std::visit(
      [&](const auto& operation) -> Map {
        using Kind = std::decay_t<decltype(operation)>;
        if constexpr (std::is_same_v<Kind, Input> || std::is_same_v<Kind, Constant>) {
          return nullptr;
        } else if constexpr (std::is_same_v<Kind, Refused>) {
          throw Error(fmt::format("{} {}", node.name, operation.reason));
        } else {
          return map_of(operation, node);
        }
      },
      node.operation);
}

}  // namespace evaluation

namespace {

using evaluation::Linearization;
using evaluation::Map;

std::int64_t total_size(const Graph& graph, const std::vector<Index>& nodes) {
  std::int64_t total = 0;
  for (const Index node : nodes) total += graph.nodes[node].size();
  return total;
}

void require_size(const char* who, const char* what, std::size_t found, std::int64_t expected) {
  if (static_cast<std::int64_t>(found) != expected) {
    throw Error(fmt::format("[{}] {} has {} entries; the graph has {}", who, what, found, expected));
  }
}

std::vector<const std::vector<double>*> operands(const Node& node, const Values& values) {
  std::vector<const std::vector<double>*> x;
  for (const Index input : node.inputs) x.push_back(&values[input]);
  return x;
}

class Jacobian final : public LinearOperator<double> {
 public:
  Jacobian(const Graph& graph, Values values)
      : shape_{output_size(graph), input_size(graph)}, values_(std::move(values)), linearization_(graph, values_) {}

  Shape shape() const override { return shape_; }

 private:
  void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context& context) const override {
    for (std::int64_t j = 0; j < x.columns; ++j) {
      std::ranges::copy(linearization_.forward(x.column(j), context), y.column(j).begin());
    }
  }
  void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context& context) const override {
    for (std::int64_t j = 0; j < y.columns; ++j) {
      std::ranges::copy(linearization_.reverse(y.column(j), context), x.column(j).begin());
    }
  }
  Shape shape_;
  Values values_;
  Linearization linearization_;
};

}  // namespace

std::int64_t input_size(const Graph& graph) { return total_size(graph, graph.inputs); }
std::int64_t output_size(const Graph& graph) { return total_size(graph, graph.outputs); }

std::vector<bool> leads_to_output(const Graph& graph) {
  std::vector<bool> needed(graph.nodes.size(), false);
  for (const Index output : graph.outputs) needed[output] = true;
  for (Index i = graph.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const Index input : graph.nodes[i].inputs) needed[input] = true;
  }
  return needed;
}

std::vector<bool> depends_on_input(const Graph& graph) {
  std::vector<bool> depends(graph.nodes.size(), false);
  for (const Index input : graph.inputs) depends[input] = true;
  for (Index i = 0; i < graph.nodes.size(); ++i) {
    const std::vector<Index>& from = graph.nodes[i].inputs;
    // Of an input of integers or a random draw nothing is known, so that it is no constant either.
    if (std::holds_alternative<Refused>(graph.nodes[i].operation)) depends[i] = true;
    depends[i] = depends[i] || std::ranges::any_of(from, [&](Index input) { return depends[input]; });
  }
  return depends;
}

Values evaluate(const Graph& graph, std::span<const double> input, Context& context) {
  const FloatingEnvironment environment;
  require_size("evaluate", "the input", input.size(), input_size(graph));
  const std::vector<bool> needed = leads_to_output(graph);
  Values values(graph.nodes.size());
  evaluation::scatter(graph, graph.inputs, input, values);
  for (Index i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!needed[i]) continue;
    if (const auto* const constant = std::get_if<Constant>(&node.operation)) {
      values[i] = constant->values;
    } else if (const Map map = evaluation::local_map(node)) {
      context.check_cancel();
      values[i] = map->value(operands(node, values), context);
    }
  }
  return values;
}

Values evaluate(const Graph& graph, std::span<const double> input) {
  Context context;
  return evaluate(graph, input, context);
}

std::vector<double> outputs(const Graph& graph, const Values& values) {
  std::vector<double> y;
  for (const Index output : graph.outputs) y.insert(y.end(), values[output].begin(), values[output].end());
  return y;
}

std::vector<double> forward(const Graph& graph, const Values& values, std::span<const double> dx, Context& context) {
  const FloatingEnvironment environment;
  require_size("forward", "the tangent", dx.size(), input_size(graph));
  return Linearization(graph, values).forward(dx, context);
}

std::vector<double> forward(const Graph& graph, const Values& values, std::span<const double> dx) {
  Context context;
  return forward(graph, values, dx, context);
}

std::vector<double> reverse(const Graph& graph, const Values& values, std::span<const double> dy, Context& context) {
  const FloatingEnvironment environment;
  require_size("reverse", "the cotangent", dy.size(), output_size(graph));
  return Linearization(graph, values).reverse(dy, context);
}

std::vector<double> reverse(const Graph& graph, const Values& values, std::span<const double> dy) {
  Context context;
  return reverse(graph, values, dy, context);
}

std::vector<double> bend(const Graph& graph, const Values& values, std::span<const double> dx,
                         std::span<const double> dy, double width, Context& context) {
  const FloatingEnvironment environment;
  require_size("bend", "the tangent", dx.size(), input_size(graph));
  require_size("bend", "the cotangent", dy.size(), output_size(graph));
  return Linearization(graph, values).bend(dx, dy, width, context);
}

std::vector<double> bend(const Graph& graph, const Values& values, std::span<const double> dx,
                         std::span<const double> dy, double width) {
  Context context;
  return bend(graph, values, dx, dy, width, context);
}

Operator<double> jacobian(const Graph& graph, std::span<const double> input, Context& context) {
  const FloatingEnvironment environment;
  return std::make_shared<Jacobian>(graph, evaluate(graph, input, context));
}

Operator<double> jacobian(const Graph& graph, std::span<const double> input) {
  Context context;
  return jacobian(graph, input, context);
}

}  // namespace sigmax::graph
