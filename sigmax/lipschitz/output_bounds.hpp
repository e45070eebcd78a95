// Lipschitz constants of single outputs and of differences of two: what a classifier's logits and margins can change
// by.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/domain.hpp"
#include "sigmax/lipschitz/network_bound.hpp"

namespace sigmax::lipschitz {

/// For each output g_k of `rows` a bound of |g_k(x) - g_k(y)| / |x - y| on the domain. `rows` is with_entries() or
/// with_differences() of a graph of one output, and `whole` what network_bound() found of that graph with the same
/// domain and options.
///
/// The least of the walk and, where the last part of the network was bounded by the matrix inequality, of the product
/// of the parts before and the inequality for that row: one search for all rows together (with LmiEffort::high one for
/// each), and one triangular solve each. Missing where neither has a bound. Cost: one walk, one search, and one norm or
/// more for each output. Throws Error for a graph or a domain that does not fit, Canceled on request.
std::vector<std::optional<UpperBound>> output_bounds(const graph::Graph& rows, const NetworkEnclosure& whole,
                                                     const Domain& domain, const NetworkBoundOptions& options,
                                                     Context& context);
std::vector<std::optional<UpperBound>> output_bounds(const graph::Graph& rows, const NetworkEnclosure& whole,
                                                     const Domain& domain = Everywhere{},
                                                     const NetworkBoundOptions& options = {});

}  // namespace sigmax::lipschitz
