// Parts of a graph: between two nodes, and the nodes that separate a graph into parts.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/graph/graph.hpp"

namespace sigmax::graph {

/// A graph with one output: the given one, or its outputs one after another in a Stack node.
Graph with_one_output(Graph graph);

/// The nodes through which every way from an input to the output passes, in their order; the output is the last. Parts
/// of the graph between two of them are functions of the first alone. Throws Error unless the graph has one output.
std::vector<Index> cut_nodes(const Graph& graph);

/// A part as a graph of its own.
struct Part {
  Graph graph;
  std::vector<Index> origin;  ///< for each node of the part the one of the whole
};

/// What lies between `from`, which becomes the input (nothing: the inputs of the whole), and `to`, the output. Throws
/// Error if a way to `to` reaches an input without passing `from`.
Part part_between(const Graph& graph, std::optional<Index> from, Index to);

}  // namespace sigmax::graph
