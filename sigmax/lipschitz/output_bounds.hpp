// Lipschitz constants of single outputs and of margins, the differences of two logits, by the walk and by the matrix
// inequality.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/domain.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/lipschitz/pairs.hpp"

namespace sigmax::lipschitz {

/// For each pair (i, j) of entries of the outputs a bound of |(f_i - f_j)(x) - (f_i - f_j)(y)| / |x - y| on the domain,
/// the least of
///
///     the walk over the graph of the differences, without joined maps;
///     L(s) B_ij, s the first node from which on the network is made of linear maps and functions of single entries;
///     B_ij is that part's bound by the matrix inequality for the output (w_i - w_j) z, and L(s) network_bound() of
///     what comes before, or with options.walk.join_up_to = 0 the walk alone;
///     sqrt 2 times network_bound() of all outputs, if something precedes that part;
///     the walk with joined maps, where the inequality says nothing, and with LmiEffort::high.
///
/// The multipliers of the inequality are searched for once, for all outputs together; with LmiEffort::high once more
/// for each pair. Differences w_i - w_j that are rounded count with their errors. Missing where there is no bound: a
/// node is refused.
///
/// Cost: one walk, one search, and one triangular solve for each pair. Throws Error for a pair, a domain or a graph
/// that does not fit, Canceled on request. options.lower is not used.
std::vector<std::optional<UpperBound>> margin_bounds(const graph::Graph& graph, const std::vector<Pair>& pairs,
                                                     const Domain& domain, const NetworkBoundOptions& options,
                                                     Context& context);
std::vector<std::optional<UpperBound>> margin_bounds(const graph::Graph& graph, const std::vector<Pair>& pairs,
                                                     const Domain& domain = Everywhere{},
                                                     const NetworkBoundOptions& options = {});

/// The same for single entries f_i of the outputs; 1 instead of sqrt 2.
std::vector<std::optional<UpperBound>> output_bounds(const graph::Graph& graph, const std::vector<std::size_t>& entries,
                                                     const Domain& domain, const NetworkBoundOptions& options,
                                                     Context& context);
std::vector<std::optional<UpperBound>> output_bounds(const graph::Graph& graph, const std::vector<std::size_t>& entries,
                                                     const Domain& domain = Everywhere{},
                                                     const NetworkBoundOptions& options = {});

}  // namespace sigmax::lipschitz
