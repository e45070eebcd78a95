#include "sigmax/graph/part.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/evaluate.hpp"

namespace sigmax::graph {

Graph with_one_output(Graph graph) {
  if (graph.outputs.size() == 1) return graph;
  Node stack{"the outputs", Stack{}, graph.outputs, {0}};
  for (const Index output : graph.outputs) stack.shape[0] += graph.nodes.at(output).size();
  graph.nodes.push_back(std::move(stack));
  graph.outputs = {graph.nodes.size() - 1};
  return graph;
}

std::vector<Index> cut_nodes(const Graph& graph) {
  if (graph.outputs.size() != 1) {
    throw Error(fmt::format("[cut_nodes] the graph has {} outputs; see with_one_output()", graph.outputs.size()));
  }
  const std::vector<bool> needed = leads_to_output(graph);
  const std::vector<bool> moves = depends_on_input(graph);
  // In the order of computation, a node is a cut if no edge between two nodes that matter passes over it: the farthest
  // edge from before it ends at it or earlier. Inputs are reached by edges from before the first node.
  std::vector<Index> cuts;
  Index farthest = 0;
  for (const Index input : graph.inputs) {
    if (needed[input]) farthest = std::max(farthest, input);
  }
  std::vector<Index> last_reader(graph.nodes.size(), 0);
  for (Index node = 0; node < graph.nodes.size(); ++node) {
    if (!needed[node] || !moves[node]) continue;
    for (const Index input : graph.nodes[node].inputs) last_reader[input] = node;
  }
  for (Index node = 0; node < graph.nodes.size(); ++node) {
    if (!needed[node] || !moves[node]) continue;
    if (farthest <= node) cuts.push_back(node);
    farthest = std::max(farthest, last_reader[node]);
  }
  return cuts;
}

Part part_between(const Graph& graph, std::optional<Index> from, Index to) {
  std::vector<bool> needed(graph.nodes.size(), false);
  needed.at(to) = true;
  for (Index node = to + 1; node-- > 0;) {
    if (!needed[node] || node == from) continue;
    if (from && std::holds_alternative<Input>(graph.nodes[node].operation)) {
      throw Error(fmt::format("[part_between] {} reaches {} past {}", graph.nodes[node].name, graph.nodes[to].name,
                              graph.nodes[*from].name));
    }
    for (const Index input : graph.nodes[node].inputs) needed[input] = true;
  }
  Part part;
  std::vector<Index> place(graph.nodes.size(), 0);
  for (Index node = 0; node <= to; ++node) {
    const bool is_whole_input =
        !from && std::find(graph.inputs.begin(), graph.inputs.end(), node) != graph.inputs.end();
    if (!needed[node] && !is_whole_input) continue;
    Node copy = graph.nodes[node];
    if (node == from) {
      copy.operation = Input{};
      copy.inputs.clear();
    }
    for (Index& input : copy.inputs) input = place[input];
    place[node] = part.graph.nodes.size();
    if (node == from) part.graph.inputs.push_back(place[node]);
    part.graph.nodes.push_back(std::move(copy));
    part.origin.push_back(node);
  }
  if (!from) {
    for (const Index input : graph.inputs) part.graph.inputs.push_back(place[input]);
  }
  part.graph.outputs = {place[to]};
  return part;
}

}  // namespace sigmax::graph
