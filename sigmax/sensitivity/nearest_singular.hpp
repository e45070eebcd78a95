// The nearest matrix of lower rank, as a change of rank one.
#pragma once

#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/sensitivity/condition.hpp"

namespace sigmax::sensitivity {

/// E = -size x y^T, for which A + E has a lower rank than min(rows, columns), except for the rounding of E itself.
struct NearestSingular {
  std::vector<double> x;  ///< one number for each row
  std::vector<double> y;  ///< one for each column
  double size = 0;        ///< |E| in the norm asked for, as computed
  Enclosure distance;     ///< of |E| over all E that lower the rank: Condition::distance

  /// Entry (i, j) of E.
  double entry(std::size_t i, std::size_t j) const { return -size * x[i] * y[j]; }
};

/// The nearest singular matrix in the 2- and Frobenius norm, E = -sigma_min u v^T for any shape (Eckart and Young
/// 1936), and for a square A in the 1- and infinity-norm, or p -> q in general (Gastinel; Kahan 1966): with b the
/// vector that A^-1 stretches most from q to p, z = A^-1 b / |A^-1 b|_p and y its dual vector, y^T z = |y|_p* = 1,
///
///     E = -b y^T / |A^-1 b|_p,    (A + E) z = b / |A^-1 b|_p - b / |A^-1 b|_p = 0.
///
/// b is a column of the identity for the 1-norm, the signs of a row of A^-1 for the infinity-norm; for other p and q a
/// search finds it, so that `size` may exceed the distance.
/// A matrix that is known to be singular has E = 0. A matrix that is singular except for rounding may be refused: its
/// vector is known in the 2-norm.
///
/// Cost: condition(), and one solve for the smallest singular triplet in the 2- and Frobenius norm. Throws Error as
/// condition() does; for rectangular matrices outside of the 2- and Frobenius norm; and where no inverse could be
/// verified.
NearestSingular nearest_singular(const Tensor& matrix, const norms::Norm& which, const ConditionOptions& options,
                                 Context& context);

/// As above, on every hardware thread.
inline NearestSingular nearest_singular(const Tensor& matrix, const norms::Norm& which,
                                        const ConditionOptions& options = {}) {
  Context context;
  return nearest_singular(matrix, which, options, context);
}

NearestSingular nearest_singular(const Tensor& matrix, double p, double q, const ConditionOptions& options,
                                 Context& context);

/// As above, on every hardware thread.
inline NearestSingular nearest_singular(const Tensor& matrix, double p, double q,
                                        const ConditionOptions& options = {}) {
  Context context;
  return nearest_singular(matrix, p, q, options, context);
}

/// As above for any operator, in the 2- and Frobenius norm: the triplet by its products, the distance as certain as
/// condition() knows its sigma_min. Other norms need the entries of the inverse, so the operator must be made a stored
/// matrix first, by materialize(). Throws Error for those, and as condition() does.
template <Real T>
NearestSingular nearest_singular(const LinearOperator<T>& a, const norms::Norm& which, const ConditionOptions& options,
                                 Context& context);

/// As above, on every hardware thread.
template <Real T>
NearestSingular nearest_singular(const LinearOperator<T>& a, const norms::Norm& which,
                                 const ConditionOptions& options = {}) {
  Context context;
  return nearest_singular(a, which, options, context);
}

}  // namespace sigmax::sensitivity
