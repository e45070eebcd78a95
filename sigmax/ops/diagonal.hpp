// Diagonal operators: row and column scalings, and the identity.
#pragma once

#include <cstdint>

#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// diag(d) of a 1-dimensional tensor of any real storage type, copied: diagonal(gain) * dense(w) scales the rows of w,
/// as a normalization layer folded into it does. One rounding per entry of a product, two per entry of a Gram product.
/// structure() is Diagonal. Parameters: the entries.
///
/// Throws Error if the tensor is not 1-dimensional or not of a real type.
template <Real T>
Operator<T> diagonal(Tensor entries);

/// The identity. identity(n) + dense(w) is the operator of a residual block. It takes no memory and has no parameters;
/// structure() is Diagonal, without entries. Throws Error for a negative order.
template <Real T>
Operator<T> identity(std::int64_t order);

}  // namespace sigmax
