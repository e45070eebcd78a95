// Eigenvalues of a small symmetric band matrix and only the required parts of the eigenvectors, for the checks inside a
// Lanczos process. Internal to the library.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax {

struct LeadingOfBand {
  double value = 0;            ///< the largest eigenvalue: the Rayleigh quotient of `vector`
  std::vector<double> vector;  ///< of norm 1
  double next = 0;             ///< the second largest; that of a 1x1 matrix is 0
};

/// The leading eigenpair of the symmetric matrix of order a.columns whose lower triangle is in `a`, zero below
/// subdiagonal `bandwidth`. The entries must be finite and their squares in range. Accuracy: a few units of rounding of
/// the largest entry times the order; for eigenvalues closer than that, `vector` is some vector of their common space.
///
/// Givens rotations make the matrix tridiagonal (Schwarz, Tridiagonalization of a symmetric band matrix, Numer. Math.
/// 12, 1968), Sturm counts enclose both values, and inverse iteration gives the vector. Its shift is just above the
/// largest eigenvalue, where the matrix is definite and its Cholesky factorization cannot fail. Cost: n^2 bandwidth / 2
/// rotations of bandwidth + 2 entries, far less than n^3.
LeadingOfBand leading_of_band(MatrixView<const double> a, std::int64_t bandwidth);

/// All eigenvalues, descending, and the last components of the eigenvectors, of norm 1, as columns: the residual of V y
/// comes from the last block of the recurrence alone.
struct TailedSpectrum {
  std::vector<double> value;
  Matrix<double> tail;
};

/// The eigenvalues of a matrix as leading_of_band() takes it, and the last `tail` <= order components of its vectors.
/// Accuracy: a few units of rounding of the largest entry times the order. Nothing if the iteration does not converge.
///
/// Tridiagonal as above, then implicit QL (Wilkinson and Reinsch, Linear Algebra, 1971, II/4), with the rotations
/// applied to `tail` rows instead of all. Cost: the rotations above and about n^2 more.
std::optional<TailedSpectrum> spectrum_of_band(MatrixView<const double> a, std::int64_t bandwidth, std::int64_t tail);

}  // namespace sigmax
