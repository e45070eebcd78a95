// The solvers behind svd(): one function a method, each in the source named beside it. Internal to svd/.
//
// svd() has checked the options (k in range, the start fits, the shape is not empty). The operator is a Guarded one:
// its products throw where they are not finite, and a result with sigma_1 beyond 2^+-100 (T = double) or 2^+-20 (T =
// float) is thrown away and computed again on a scaled operator, so that a solver need not think of overflow.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const PowerIteration& method,
                   Context& context);  // power.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const Deflation& method,
                   Context& context);  // deflation.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const Lanczos& method,
                   Context& context);  // lanczos_svd.cpp, golub_kahan.cpp
/// The iteration of Lanczos on the Gram operator without its end: sigma is what the process estimates, `subspace` spans
/// the right singular vectors, not normalized, and there are no u, v and residuals.
template <Real T>
SvdResult<T> gram_subspace(const LinearOperator<T>& a, const SvdOptions<T>& options, const Lanczos& method,
                           Context& context);  // lanczos_svd.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const BlockKrylov& method,
                   Context& context);  // block_krylov.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const Randomized& method,
                   Context& context);  // randomized.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const DenseLapack& method,
                   Context& context);  // dense_lapack.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const InverseLanczos& method,
                   Context& context);  // inverse_lanczos.cpp

}  // namespace sigmax
