// What an evaluation of a graph takes. Internal to the library.
#pragma once

#include "sigmax/graph/graph.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::graph {

/// About the flops of one product A x, from its structure; an opaque operator counts as a dense matrix.
double product_flops(const LinearOperator<double>& a);

/// About the flops of evaluate(): a product with each linear map that an output depends on, and ten for each entry of
/// other nodes and of what they read.
double evaluation_flops(const Graph& graph);

}  // namespace sigmax::graph
