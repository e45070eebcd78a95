// A product of two thin matrices as a linear operator.
#pragma once

#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// scale B A, never formed: B is rows x r, A is r x columns, of any real storage types and strides, as dense() takes
/// them. For the update of a low-rank adapter, scale = alpha / r; W + scale B A is `dense(w) + low_rank(b, a, scale)`.
///
/// Cost: one read of A and one of B for A x and A^T y. A^T A x = scale^2 A^T (B^T B) (A x) reads A twice and not B:
/// B^T B, r x r, is computed here in double, B scaled by a power of two so that it neither overflows nor underflows.
/// With the image, B is read once. The Gram product on the other side reads B twice and not A, through A A^T. For r
/// above 32, or above a quarter of the longer side of B or A, the inner matrix costs more than it saves, and that
/// factor is read once instead. Construction reads the factor that has an inner matrix r / 8 times.
///
/// structure() is Scaled of a Product of two stored matrices, or the Product if scale is 1. in_single() shares
/// everything.
/// Parameters: the entries of B, then those of A, each in row-major order of its tensor; scale is a constant. pull_back
/// reads B and A once, and reads and writes the gradient once.
/// Throws Error if a factor is not a matrix of real numbers, if they do not fit, or if scale is not finite.
template <Real T>
Operator<T> low_rank(Tensor b, Tensor a, double scale, Context& context);

/// As above, on every hardware thread.
template <Real T>
Operator<T> low_rank(Tensor b, Tensor a, double scale = 1);

}  // namespace sigmax
