// Which nodes compute entry i of their value from the entries i of their inputs, and how. Internal to graph/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {

/// The entries of the diagonal matrix D if y = D x + offset with D known exactly.
std::optional<std::vector<double>> exact_diagonal(const Affine& affine);

/// The entrywise nodes of a graph as a tree of dominators: every path from a node's root to it leads through its
/// dominator. Nodes that are not entrywise in one other value are roots.
class EntrywiseNodes {
 public:
  /// The graph must outlive it.
  explicit EntrywiseNodes(const Graph& graph);

  /// The nearest node through which all of this value comes; nothing for a root and for a Constant node.
  std::optional<Index> dominator(Index node) const { return dominators_[node]; }

  /// The value is computed from its dominator in more than one way: it has several inputs that are not constants.
  bool is_join(Index node) const;

  /// The functions f_i with entry i of `node` = f_i(entry i of `start`), which dominates it. Nothing if they are too
  /// long, too many, or have parts that are not expressions.
  struct Functions {
    std::vector<Expression> functions;
    std::vector<std::uint32_t> which;  ///< empty: functions[0] everywhere
  };
  std::optional<Functions> functions(Index start, Index node) const;

 private:
  std::optional<Index> common_dominator(Index a, Index b) const;
  bool is_entrywise(const Node& node) const;

  const Graph& graph_;
  std::vector<std::optional<Index>> dominators_;
  std::vector<std::size_t> depths_;
};

}  // namespace sigmax::graph
