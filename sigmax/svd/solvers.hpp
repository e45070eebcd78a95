// The solvers behind svd(): one function per method, each in the source file of methods/ named next to it. Internal to
// svd/.
//
// svd() has checked the arguments (k and the method's options in range, the start fits, the shape is not empty). The
// operator is Guarded: its products throw if they are not finite, and a result with sigma_1 beyond 2^+-100 (T = double)
// or 2^+-20 (T = float) is discarded and computed again on a scaled operator, so a solver need not deal with overflow.
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
/// The iteration of Lanczos on the Gram operator without its final step: sigma is the process's estimate, `subspace`
/// spans the right singular vectors, not normalized, and u, v and residuals are missing.
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
