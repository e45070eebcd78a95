// Chains of convolutions in a graph. Internal to lipschitz/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/images/chain.hpp"

namespace sigmax::lipschitz {

struct RecognizedChain {
  ImageChain chain;
  graph::Index end = 0;  ///< the chain's bound is about this node
  /// The chain ends with a dense layer: this node, of which `end` is the input.
  std::optional<graph::Index> dense;
  double gain = 1;  ///< times the bound: what rows were rounded by
};

/// The longest chain after `from` (nothing: the input, if there is one) of zero-padded convolutions, functions applied
/// entry by entry and maximum pooling, each read by the next alone, with a convolution in it. A function before a
/// pooling that does not decrease comes after it: the maximum of f(v) is f of the maximum. Nothing if the first nodes
/// are others; a node that cannot be a part ends the chain. `boxes`: of the graph's nodes.
std::optional<RecognizedChain> recognized_chain(const graph::Graph& graph, std::optional<graph::Index> from,
                                                const std::vector<graph::Box>& boxes, Context& context);

}  // namespace sigmax::lipschitz
