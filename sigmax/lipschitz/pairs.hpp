// Lipschitz constants of single outputs and of differences of two: what a classifier's logits and margins can change
// by.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/domain.hpp"
#include "sigmax/lipschitz/walk.hpp"

namespace sigmax::lipschitz {

using Pair = std::pair<std::size_t, std::size_t>;

/// The graph with one output for each pair, f_i - f_j for entries i, j of the given graph's outputs one after another.
/// Throws Error if an entry does not exist.
graph::Graph with_differences(const graph::Graph& graph, const std::vector<Pair>& pairs);

/// The graph with one output for each of these entries of the given graph's outputs one after another. Throws Error if
/// one does not exist.
graph::Graph with_entries(const graph::Graph& graph, const std::vector<std::size_t>& entries);

/// For each output a bound of |g(x) - g(y)| / |x - y| for itself, on the domain, by the walk. Missing where the walk
/// has none. Cost: one walk.
std::vector<std::optional<UpperBound>> outputs_by_walk(const graph::Graph& graph, const Domain& domain,
                                                       const WalkOptions& options, Context& context);
std::vector<std::optional<UpperBound>> outputs_by_walk(const graph::Graph& graph, const Domain& domain = Everywhere{},
                                                       const WalkOptions& options = {});

/// For each pair a bound of |(f_i - f_j)(x) - (f_i - f_j)(y)| / |x - y| on the domain, by the walk: the difference is
/// joined with the last linear map, so that it is the norm of w_i - w_j that counts. At most sqrt 2 times the bound of
/// f. An input whose label i leads j by more than eps times this keeps its order within eps. Missing where the walk has
/// none. Cost: one walk, and one norm for each pair and each map that leads to the output.
std::vector<std::optional<UpperBound>> pair_bounds(const graph::Graph& graph, const std::vector<Pair>& pairs,
                                                   const Domain& domain, const WalkOptions& options, Context& context);
std::vector<std::optional<UpperBound>> pair_bounds(const graph::Graph& graph, const std::vector<Pair>& pairs,
                                                   const Domain& domain = Everywhere{},
                                                   const WalkOptions& options = {});

}  // namespace sigmax::lipschitz
