// The check that svd() makes of what a method has found. Internal to svd/.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// Looks for values that are larger than the k-th and were missed (complement.hpp), takes those that it finds into the
/// result, and notes what it has shown. For Which::largest and a result that has converged; nothing otherwise. Products
/// out of range leave the result as it was.
template <Real T>
void check_values(const LinearOperator<T>& a, const SvdOptions<T>& options, SvdResult<T>& result, Context& context);

extern template void check_values<float>(const LinearOperator<float>&, const SvdOptions<float>&, SvdResult<float>&,
                                         Context&);
extern template void check_values<double>(const LinearOperator<double>&, const SvdOptions<double>&, SvdResult<double>&,
                                          Context&);

}  // namespace sigmax
