// Dual norms: |Y|_dual = max <X, Y> over |X| <= 1, so that <X, Y> <= |X| |Y|_dual, where <X, Y> = sum x_ij y_ij.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

/// The norm of the table that is the dual, its exponents p/(p-1) rounded to nearest:
///
/// | norm | dual |
/// | --- | --- |
/// | Frobenius | Frobenius |
/// | MaxAbs, Entrywise p | Entrywise 1, p* |
/// | Spectral, Nuclear, Schatten p | Nuclear, Spectral, Schatten p* |
/// | Mixed p, q | Mixed p*, q*, of the same lines |
/// | ColumnSum, RowSum | the sum of the largest entries of the columns, rows |
/// | Induced 1, q and p, inf | the sum of the q*-norms of the columns, of the p-norms of the rows |
///
/// Nothing for Ky Fan norms and the numerical radius, whose duals are not in the table (dual_norm()), for the induced
/// norms that are hard, whose duals are hard as well, and for what is not a norm.
std::optional<Norm> dual_of(const Norm& which);

/// The dual of the Ky Fan (k, p)-norm, for sigma descending and q = p/(p-1):
///
///     (sum_{i < k-r} sigma_i^q + (r+1) (T_r / (r+1))^q)^(1/q),  T_r = sum_{i >= k-r} sigma_i,
///
/// i from 1, for the r in 0 ... k-1 with sigma_{k-r-1} > T_r / (r+1) >= sigma_{k-r}, sigma_0 infinite. For p = 1 that
/// is max(sigma_1, sum sigma_i / k). (p = 2: Argyriou, Foygel, Srebro, NeurIPS 2012.) Throws Error unless 1 <= k <=
/// sigma.size() and p >= 1.
double ky_fan_dual(std::span<const double> sigma, KyFan n);

/// Its enclosure, given an enclosure of every value.
Enclosure ky_fan_dual(std::span<const Enclosure> sigma, KyFan n);

/// The dual norm of a matrix or an operator. Value, enclosure and cost are those of dual_of(), with rounded exponents
/// enclosed; for Ky Fan norms those of all singular values. The dual of the numerical radius is the least trace of P
/// with
/// [[P, A^T], [A, P]] positive semidefinite, at least |A|_* and at most 2 |A|_*. It is solved up to order 96, enclosed
/// by proof for every stored matrix, and `computed` for other operators. Throws Error where no dual is known, and as
/// norm() does.
template <Real T>
NormResult dual_norm(const LinearOperator<T>& a, const Norm& which, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
NormResult dual_norm(const LinearOperator<T>& a, const Norm& which, const NormOptions& options = {}) {
  Context context;
  return dual_norm(a, which, options, context);
}

NormResult dual_norm(const Tensor& matrix, const Norm& which, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
inline NormResult dual_norm(const Tensor& matrix, const Norm& which, const NormOptions& options = {}) {
  Context context;
  return dual_norm(matrix, which, options, context);
}

}  // namespace sigmax::norms
