// The check that svd() makes of what a method has found. Internal to svd/.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"
#include "sigmax/svd/task.hpp"

namespace sigmax {

/// Looks for values that are larger than the k-th and were missed (complement.hpp), takes those that it finds into the
/// result, and notes what it has shown. For Which::largest and a result that has converged; nothing otherwise. Products
/// out of range leave the result as it was.
template <Real T>
void check_values(const LinearOperator<T>& a, const Task<T>& task, SvdResult<T>& result, Context& context);

}  // namespace sigmax
