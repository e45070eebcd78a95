// Eigenvalues of a small symmetric band matrix, and no more of the vectors than is wanted: what a Lanczos process looks
// at as it goes. Internal to the library.
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

/// Of the symmetric matrix of order a.columns whose lower triangle is in `a`, zero below subdiagonal `bandwidth`. The
/// entries must be finite and their squares in range. To a few units of rounding of the largest entry times the order;
/// of eigenvalues closer than that, `vector` is some vector of their common space.
///
/// Givens rotations make it tridiagonal (Schwarz, Tridiagonalization of a symmetric band matrix, Numer. Math. 12,
/// 1968), counts of Sturm's sequence enclose both values, and inverse iteration from just above the largest, where the
/// matrix is definite and Cholesky's factorization cannot go wrong, gives the vector. Cost: n^2 bandwidth / 2 rotations
/// of bandwidth + 2 entries; nothing like n^3.
LeadingOfBand leading_of_band(MatrixView<const double> a, std::int64_t bandwidth);

/// All eigenvalues, descending, and the last components of the eigenvectors, of norm 1, as columns: of V y the residual
/// is that of the recurrence's end.
struct TailedSpectrum {
  std::vector<double> value;
  Matrix<double> tail;
};

/// Of a matrix as leading_of_band() takes it, and the last `tail` <= order components of its vectors. To a few units of
/// rounding of the largest entry times the order. Nothing if the iteration does not converge.
///
/// Tridiagonal as above, then implicit QL (Wilkinson and Reinsch, Linear Algebra, 1971, II/4), with the rotations
/// applied to `tail` rows in place of all. Cost: the rotations above and about n^2 more.
std::optional<TailedSpectrum> spectrum_of_band(MatrixView<const double> a, std::int64_t bandwidth, std::int64_t tail);

}  // namespace sigmax
