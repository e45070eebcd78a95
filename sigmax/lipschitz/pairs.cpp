#include "sigmax/lipschitz/pairs.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>

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

}  // namespace

graph::Graph with_differences(const graph::Graph& graph, const std::vector<Pair>& pairs) {
  graph::Graph result = graph;
  const std::int64_t size = output_size(graph);
  if (graph.outputs.empty()) throw Error("[with_differences] the graph has no outputs");
  graph::Index all = graph.outputs[0];
  if (graph.outputs.size() > 1) all = add_node(result, "all outputs", graph::Stack{}, graph.outputs, size);
  result.outputs.clear();
  for (const auto& [i, j] : pairs) {
    for (const std::size_t each : {i, j}) {
      if (static_cast<std::int64_t>(each) < size) continue;
      throw Error(fmt::format("[with_differences] there is no output {}: the graph has {}", each, size));
    }
    std::vector<double> row(static_cast<std::size_t>(size), 0.0);
    row[i] += 1;
    row[j] -= 1;
    graph::Affine difference{dense<double>(Tensor::copy_of(row, {1, size}))};
    result.outputs.push_back(
        add_node(result, fmt::format("output {} - output {}", i, j), std::move(difference), {all}, 1));
  }
  return result;
}

std::vector<std::optional<UpperBound>> pair_bounds(const graph::Graph& graph, const std::vector<Pair>& pairs,
                                                   const Domain& domain, const WalkOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const graph::Graph differences = with_differences(graph, pairs);
  std::map<graph::Index, std::optional<UpperBound>> running;
  for (const Layer& layer : walk(differences, domain, options, context).layers) running[layer.node] = layer.running;
  std::vector<std::optional<UpperBound>> found;
  const std::vector<bool> moves = depends_on_input(differences);
  for (const graph::Index output : differences.outputs) {
    found.push_back(moves[output] ? running[output] : bounds::exactly(0).upper);
  }
  return found;
}

std::vector<std::optional<UpperBound>> pair_bounds(const graph::Graph& graph, const std::vector<Pair>& pairs,
                                                   const Domain& domain, const WalkOptions& options) {
  Context context;
  return pair_bounds(graph, pairs, domain, options, context);
}

}  // namespace sigmax::lipschitz
