// Equivalence of norms: the constants in c |A|_a <= |A|_b <= C |A|_a for all matrices of a shape, and matrices that
// attain them.
#pragma once

#include <optional>

#include "sigmax/norms/equivalence/extremal.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

/// A constant in an inequality that holds for every matrix of the shape.
struct Constant {
  double value = 0;
  /// A matrix with equality. Present: no better constant exists. Absent: the inequality holds, and the best constant is
  /// not known here.
  std::optional<Extremal> extremal;

  bool is_best() const noexcept { return extremal.has_value(); }
};

/// least |A|_a <= |A|_b <= greatest |A|_a.
struct Equivalence {
  Constant least;
  Constant greatest;
};

/// For every pair of norms of the table: Frobenius, max, entrywise p, column and row sums, mixed, induced p -> q,
/// sigma_max, nuclear, Schatten p, Ky Fan (k, p), numerical radius.
///
/// The constant is the shortest chain of inequalities between the two norms, out of
///
/// - power means, for singular values, entries, rows and columns, and vectors in induced norms;
/// - Ky Fan (k, p) <= max(1, k^(1/p) min(k, l)^(-1/q)) Ky Fan (l, q);
/// - Minkowski: the q-norm of the p-norms of the columns is at most the p-norm of the q-norms of the rows, p <= q;
/// - Schatten p <= L_{2,p} for p <= 2, the reverse for p >= 2, by rows and by columns (diagonal and eigenvalues of A^T
/// A);
/// - |A|_{p->q} <= L_{q,p*} by columns and L_{p*,q} by rows (Hoelder), with equality for p = 1 and q = infinity;
/// - the numerical radius w: w <= |A|_2 <= 2 w;
/// - L_{p,q} of the columns against the largest row sum of magnitudes, whose unit ball has the matrices with one +-1 in
///   each row as extreme points.
///
/// It is the best one where one of the matrices of ExtremalKind attains it. That is so in every shape for all pairs of
/// sigma_max, Frobenius, Schatten, column and row sums; of Ky Fan (k, p) and Schatten; of max, entrywise p, Schatten p
/// for p >= 2, column and row sums; and of induced norms. It is not so where only a real Hadamard matrix would attain
/// it, and none of that order exists or is constructed (entrywise 1 against sigma_max for 3 x 3, the nuclear norm
/// against max), and for some pairs of a Ky Fan or a mixed norm with a norm of the other direction: there the best
/// constant is not known here, and only the inequality is returned. Hadamard matrices are those of Sylvester and Paley.
///
/// Values are computed in double, with a relative error of a few u. Throws Error for `-1`, `-2` and `-inf`, which are
/// not norms, for an empty shape, for the numerical radius of a shape that is not square, and where require_valid()
/// does.
///
/// Sources: R. A. Horn, C. R. Johnson, Matrix Analysis, 2nd ed., section 5.6; R. Bhatia, Matrix Analysis, chapters II,
/// IV; N. J. Higham, Accuracy and Stability of Numerical Algorithms, chapter 6.
Equivalence equivalence(const Norm& a, const Norm& b, Shape shape);

}  // namespace sigmax::norms
