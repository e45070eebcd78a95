// The one entry to the singular-value solvers.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// Singular triplets of `a`.
///
/// Throws Error for an operator without rows or columns, for k out of range, for a failure probability below
/// kLeastFailureProbability or not below 1, for a start or a method that does not fit, and if products are not finite:
/// entries that are NaN or infinite, or factors that leave the range of T. Throws Canceled on request. Numerical
/// outcomes are in the result.
template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a, const SvdOptions<T>& options, Context& context);

/// As above, on all hardware threads.
template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a, const SvdOptions<T>& options = {});

}  // namespace sigmax
