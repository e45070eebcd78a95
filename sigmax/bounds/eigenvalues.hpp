// Where the eigenvalues of a square matrix lie, proven: intervals for a symmetric one, disks for any other that has a
// basis of eigenvectors. A is a matrix of exact doubles between 1e-300 and 1e300.
#pragma once

#include <complex>
#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// |lambda_i(A) - values[i]| <= radius for every i, both descending: the i-th eigenvalue is near the i-th value. By
/// Weyl's theorem from computed eigenvectors Q with A Q = Q diag(values) + R:
///
///     radius >= |R|_F + |Q^T Q - I|_F (|A| + max |values|).
struct SymmetricEigenvalues {
  std::vector<double> values;
  UpperBound radius;       ///< infinite if nothing could be shown
  Matrix<double> vectors;  ///< column i belongs to values[i]; computed
};

/// Throws Error if the matrix is not square, is empty, is not symmetric to the last bit, or has entries that are NaN or
/// infinite. Cost: all eigenvectors and 4 n^3 flops.
SymmetricEigenvalues symmetric_eigenvalues(const Matrix<double>& a, Context& context);

/// As above, on every hardware thread.
inline SymmetricEigenvalues symmetric_eigenvalues(const Matrix<double>& a) {
  Context context;
  return symmetric_eigenvalues(a, context);
}

/// Every eigenvalue of A + E lies within
///
///     residual + condition |E|_2
///
/// of one of `values` (Bauer and Fike 1960), for every E, E = 0 included: with computed eigenvectors V, of which
/// conjugate pairs are replaced by real and imaginary part, and D block diagonal, residual >= |V^-1 (A V - V D)|, and
/// condition >= |V| |V^-1|, |V^-1| bounded by an approximate inverse X and |I - X V| < 1. Nothing is assumed of V.
///
/// One-sided: which disk an eigenvalue lies in is not said, nor that each disk has one; a group of k disks that meet no
/// other ones has k eigenvalues, if E may be shrunk to 0 (continuity). V is one of many: its columns have 2-norm 1,
/// which is within sqrt(n) of the least condition number (van der Sluis 1969).
struct EigenvalueDisks {
  std::vector<std::complex<double>> values;
  /// kappa_2 of the computed eigenvectors. The upper end is missing if the proof fails: for a matrix without a basis of
  /// eigenvectors (a Jordan block) or close to one. Then nothing is known of the eigenvalues.
  Enclosure condition;
  UpperBound residual;  ///< infinite without an upper end above
};

/// Throws Error if the matrix is not square, is empty, or has entries that are NaN or infinite. Cost: dgeev, about
/// 25 n^3 flops, and 10 n^3 for the proof.
EigenvalueDisks eigenvalue_disks(const Matrix<double>& a, Context& context);

/// As above, on every hardware thread.
inline EigenvalueDisks eigenvalue_disks(const Matrix<double>& a) {
  Context context;
  return eigenvalue_disks(a, context);
}

/// Henrici's departure from normality, sqrt(|A|_F^2 - sum |lambda_i|^2) = |N|_F for the strictly upper part N of a
/// Schur form, proven from the commutator C = A^T A - A A^T, without eigenvalues:
///
///     |C|_F / sqrt 2 / (rho + sqrt(rho^2 + |C|_F / sqrt 2)) <= |N|_F <= ((n^3 - n) / 12)^{1/4} sqrt(|C|_F),
///
/// rho = |A|_2; the upper end is Henrici's (1962), and never more than |A|_F. [0, 0] for a matrix whose commutator
/// vanishes exactly; rounding leaves an upper end of about n u^{1/2} |A|_F otherwise. Throws Error as above.
Enclosure departure_from_normality(const Matrix<double>& a, Context& context);

/// As above, on every hardware thread.
inline Enclosure departure_from_normality(const Matrix<double>& a) {
  Context context;
  return departure_from_normality(a, context);
}

}  // namespace sigmax::bounds
