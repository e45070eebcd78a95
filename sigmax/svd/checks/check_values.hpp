// The check that svd() makes of a method's result. Internal to svd/.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"
#include "sigmax/svd/task.hpp"

namespace sigmax {

/// Looks for values that are larger than the k-th and were missed (complement.hpp), adds those that it finds to the
/// result, and records what it has shown. Does this for Which::largest and a converged result, and nothing otherwise.
/// If products are out of range, the result stays as it was.
template <Real T>
void check_values(const LinearOperator<T>& a, const Task<T>& task, SvdResult<T>& result, Context& context);

}  // namespace sigmax
