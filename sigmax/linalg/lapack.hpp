// Dense decompositions through LAPACK, in double, of column-major matrices. Internal to the library; callers hold a
// SerialBlas.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax::lapack {

/// A = Q R of a matrix with at least as many rows as columns, Q as a product of Householder reflections.
class Qr {
 public:
  /// Works in the memory of `a`, which is overwritten and must outlive this object. Cost: 2 m n^2 - 2/3 n^3 flops.
  /// Throws Error if rows < columns or LAPACK fails.
  explicit Qr(MatrixView<double> a);

  /// R, with zeros below the diagonal.
  Matrix<double> r() const;

  /// Q X for X with a row for each column of A: 4 m n k flops for k columns.
  Matrix<double> times(MatrixView<const double> x) const;

 private:
  MatrixView<double> a_;
  std::vector<double> tau_;
};

/// All singular values of A, descending; A is overwritten. By dgesdd; if one side is longer by a quarter, dgesdd is
/// applied to the triangular factor of a QR factorization. Throws Error if LAPACK fails to converge.
std::vector<double> singular_values(MatrixView<double> a);

/// Triplets first ... first + count - 1 of A = U diag(sigma) V^T by descending sigma, and all values.
struct Svd {
  Matrix<double> u;
  std::vector<double> sigma;
  Matrix<double> v;
};
struct Decomposition {
  Svd wanted;
  std::vector<double> sigma;
};

/// A is overwritten. U and V are orthonormal to working accuracy whatever the rank. Throws Error if LAPACK fails to
/// converge.
Decomposition decompose(MatrixView<double> a, std::int64_t first, std::int64_t count);

/// The finite eigenvalues z of A - z B, for square matrices of one order, both overwritten. By dggev. Throws Error if
/// LAPACK fails to converge.
std::vector<std::complex<double>> generalized_eigenvalues(Matrix<double> a, Matrix<double> b);

/// A B, or A^T B if `adjoint`, in one call of dgemm.
Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b, bool adjoint = false);

/// Orthonormal columns that span the columns of `x`, which has at most as many columns as rows; arbitrary directions
/// where the columns are dependent.
Matrix<double> orthonormal(Matrix<double> x);

/// The transpose.
Matrix<double> transposed(MatrixView<const double> a);

}  // namespace sigmax::lapack
