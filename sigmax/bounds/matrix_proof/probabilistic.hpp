// The probabilistic bound: an upper bound on sigma_max that the recurrences of a random start prove, except with a
// stated probability. Internal to bounds/.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/bound.hpp"
#include "sigmax/svd/recurrence.hpp"

namespace sigmax::bounds {

/// A bound on sigma_max of A, from recurrences of (scale A)^T (scale A) whose starts are independent, by their
/// Christoffel functions (svd/christoffel.hpp). Infinite if there is none. `terms` is rows + columns of A, `norm` the
/// magnitude that rounding errors of products are relative to, if that may be more than sigma_max.
UpperBound probabilistic_upper_bound(std::span<const LanczosRecurrence> recurrences, double scale,
                                     double failure_probability, std::int64_t terms, double norm = 0);

}  // namespace sigmax::bounds
