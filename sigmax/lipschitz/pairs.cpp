#include "sigmax/lipschitz/pairs.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::lipschitz {
namespace {

graph::Index add_node(graph::Graph& graph, std::string name, graph::Operation operation,
                      std::vector<graph::Index> inputs, std::int64_t size) {
  graph.nodes.push_back({std::move(name), std::move(operation), std::move(inputs), {size}});
  return graph.nodes.size() - 1;
}

/// A sum of entries of the outputs, each times its factor.
struct Row {
  std::string name;
  std::vector<std::pair<std::size_t, double>> entries;
};

graph::Graph with_rows(const graph::Graph& graph, const std::vector<Row>& rows, const char* who) {
  graph::Graph result = graph;
  const std::int64_t size = output_size(graph);
  if (graph.outputs.empty()) throw Error(fmt::format("[{}] the graph has no outputs", who));
  graph::Index all = graph.outputs[0];
  if (graph.outputs.size() > 1) all = add_node(result, "all outputs", graph::Stack{}, graph.outputs, size);
  result.outputs.clear();
  for (const Row& row : rows) {
    std::vector<double> factors(static_cast<std::size_t>(size), 0.0);
    for (const auto& [entry, factor] : row.entries) {
      if (static_cast<std::int64_t>(entry) >= size) {
        throw Error(fmt::format("[{}] there is no output {}: the graph has {}", who, entry, size));
      }
      factors[entry] += factor;
    }
    graph::Affine map{dense<double>(Tensor::copy_of(factors, {1, size}))};
    result.outputs.push_back(add_node(result, row.name, std::move(map), {all}, 1));
  }
  return result;
}

}  // namespace

graph::Graph with_differences(const graph::Graph& graph, const std::vector<Pair>& pairs) {
  std::vector<Row> rows;
  rows.reserve(pairs.size());
  for (const auto& [i, j] : pairs) rows.push_back({fmt::format("output {} - output {}", i, j), {{i, 1}, {j, -1}}});
  return with_rows(graph, rows, "with_differences");
}

graph::Graph with_entries(const graph::Graph& graph, const std::vector<std::size_t>& entries) {
  std::vector<Row> rows;
  rows.reserve(entries.size());
  for (const std::size_t i : entries) rows.push_back({fmt::format("output {}", i), {{i, 1}}});
  return with_rows(graph, rows, "with_entries");
}

std::vector<std::optional<UpperBound>> outputs_by_walk(const graph::Graph& graph, const Domain& domain,
                                                       const WalkOptions& options, Context& context) {
  const FloatingEnvironment environment;
  std::map<graph::Index, std::optional<UpperBound>> running;
  for (const Layer& layer : walk(graph, domain, options, context).layers) running[layer.node] = layer.running;
  std::vector<std::optional<UpperBound>> found;
  const std::vector<bool> moves = depends_on_input(graph);
  for (const graph::Index output : graph.outputs) {
    const bool is_input = std::holds_alternative<graph::Input>(graph.nodes[output].operation);
    const bool is_known = is_input || !moves[output];
    found.push_back(is_known ? bounds::exactly(is_input ? 1 : 0).upper : running[output]);
  }
  return found;
}

std::vector<std::optional<UpperBound>> outputs_by_walk(const graph::Graph& graph, const Domain& domain,
                                                       const WalkOptions& options) {
  Context context;
  return outputs_by_walk(graph, domain, options, context);
}

std::vector<std::optional<UpperBound>> pair_bounds(const graph::Graph& graph, const std::vector<Pair>& pairs,
                                                   const Domain& domain, const WalkOptions& options, Context& context) {
  return outputs_by_walk(with_differences(graph, pairs), domain, options, context);
}

std::vector<std::optional<UpperBound>> pair_bounds(const graph::Graph& graph, const std::vector<Pair>& pairs,
                                                   const Domain& domain, const WalkOptions& options) {
  Context context;
  return pair_bounds(graph, pairs, domain, options, context);
}

}  // namespace sigmax::lipschitz
