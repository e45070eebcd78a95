// The solvers behind svd(): one function a method, each in the source named beside it. Internal to svd/.
//
// svd() has checked the options (k in range, the start fits, the shape is not empty) and sees to it that |A| is within
// 2^+-100 (T = double) or 2^+-20 (T = float) of 1, so that squares neither overflow nor underflow.
#pragma once

#include "sigmax/svd/svd.hpp"

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
