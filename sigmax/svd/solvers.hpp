// The solvers behind svd(): one function a method, each in the source of methods/ named next to it. Internal to svd/.
//
// svd() has checked what it hands over (k in range, the start fits, the shape is not empty). The operator is Guarded:
// its products throw where they are not finite, and a result with sigma_1 beyond 2^+-100 (T = double) or 2^+-20 (T =
// float) is thrown away and computed again on a scaled operator, so that a solver need not think of overflow.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"
#include "sigmax/svd/task.hpp"

namespace sigmax {

template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const PowerIteration& method,
                   Context& context);  // power.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const Deflation& method,
                   Context& context);  // deflation.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const Lanczos& method,
                   Context& context);  // lanczos.cpp
/// The iteration of Lanczos on the Gram operator without its end: sigma is what the process estimates, `subspace` spans
/// the right singular vectors, not normalized, and there are no u, v and residuals.
template <Real T>
SvdResult<T> gram_subspace(const LinearOperator<T>& a, const Task<T>& task, const Lanczos& method,
                           Context& context);  // lanczos.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const BlockKrylov& method,
                   Context& context);  // block_krylov.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const Randomized& method,
                   Context& context);  // randomized.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const DenseLapack& method,
                   Context& context);  // dense_lapack.cpp
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const InverseLanczos& method,
                   Context& context);  // inverse_lanczos.cpp

}  // namespace sigmax
