// An operator as a matrix, for code that needs entries.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// The entries of A, rows x columns, following its structure. Stored matrices are converted (exactly; f64 entries are
/// rounded for T = float). Sums, scalings, transposes and stacks are assembled from their parts. For a product the left
/// factor is applied to the right one's matrix. An opaque operator is applied to the identity, from its shorter side.
///
/// Cost: rows x columns words, and the same again for the widest level of a composite operator; no products for a
/// stored matrix, min(rows, columns) for an opaque one. The error of an entry is at most gamma_n times the entry of the
/// same expression with absolute values, n the longest chain of operations, with T's unit roundoff. Throws Canceled on
/// request.
template <Real T>
Matrix<T> materialize(const LinearOperator<T>& a, Context& context);

/// As above, on every hardware thread.
template <Real T>
Matrix<T> materialize(const LinearOperator<T>& a) {
  Context context;
  return materialize(a, context);
}

}  // namespace sigmax
