// An operator as a matrix, for what needs entries.
#pragma once

#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// The entries of A, rows x columns, taken from its structure: stored matrices are converted (exactly; f64 entries are
/// rounded for T = float), sums, scalings, transposes and stacks put together from their parts, a product is its left
/// factor applied to the right one's matrix, and an opaque operator is applied to the identity, from its shorter side.
///
/// Cost: rows x columns words, and as many again for the widest level of a composite operator; no products for a stored
/// matrix, min(rows, columns) for an opaque one. Each entry is wrong by at most gamma_n times that of the same
/// expression with absolute values, n the longest chain of operations; T's unit roundoff. Throws Canceled on request.
template <Real T>
Matrix<T> materialize(const LinearOperator<T>& a, Context& context);

}  // namespace sigmax
