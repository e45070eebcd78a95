// The dual norm of the numerical radius. Internal to norms/.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

/// w*(Y) = max <X, Y> over w(X) <= 1: the least sum |c_i| over all Y = sum c_i x_i x_i^* with complex c_i and |x_i| =
/// 1, because those x x^* e^{it} are what w is the maximum over. Also the least trace of P with [[P, Y^T], [Y, P]]
/// positive semidefinite, as the nuclear norm is half the least trace of P + Q with [[P, Y^T], [Y, Q]]. So |Y|_* <=
/// w*(Y) <= 2 |Y|_*, with equality on the left for normal Y, where P = (Y^T Y)^(1/2).
///
/// Up to order 96 the semidefinite program is solved by alternating directions, above it P = (|Y| + |Y^T|) / 2 and the
/// polar factor are all that is tried. The ends of the enclosure are proven whatever was found
/// (bounds/radius_dual.hpp), and how far they are apart says how good it was.
///
/// Cost: an eigenvalue decomposition of order 2 n a step, at most 3000 of them, unless Y is normal. Throws Error unless
/// the matrix is square, and as norm() does. For an operator that is not a stored matrix, the value is `computed`.
NormResult radius_dual(const Tensor& matrix, const NormOptions& options, Context& context);
template <Real T>
NormResult radius_dual(const LinearOperator<T>& a, const NormOptions& options, Context& context);

}  // namespace sigmax::norms
