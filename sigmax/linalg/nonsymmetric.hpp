// Eigenvalue problems and systems of square matrices that are not symmetric, through LAPACK, in double. Internal to the
// library; callers hold a SerialBlas. Every function throws Error for a matrix that is not square and where LAPACK
// fails.
#pragma once

#include <complex>
#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax::lapack {

/// A v_j = lambda_j v_j by dgeev. Each pair of conjugate eigenvalues lies side by side, the one above the real axis
/// first; its columns in `vectors` are the real and the imaginary part of its eigenvector.
struct Eigen {
  std::vector<std::complex<double>> values;
  Matrix<double> vectors;  ///< of 2-norm 1, both parts together
};
Eigen eigen(Matrix<double> a);

/// The eigenvalues alone.
std::vector<std::complex<double>> eigenvalues(Matrix<double> a);

/// A = Q T Q^T by dgees: T is upper triangular except for blocks of order 2 on its diagonal, with equal diagonal
/// entries and off-diagonal ones of opposite signs: one for each pair of conjugate eigenvalues.
struct Schur {
  Matrix<double> t;
  Matrix<double> q;
  std::vector<std::complex<double>> values;
};
Schur schur(Matrix<double> a);

/// A complex matrix, column-major without gaps.
struct ComplexMatrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<std::complex<double>> values;

  ComplexMatrix(std::int64_t row_count, std::int64_t column_count)
      : rows(row_count), columns(column_count), values(static_cast<std::size_t>(row_count * column_count)) {}
  std::complex<double>& operator()(std::int64_t i, std::int64_t j) {
    return values[static_cast<std::size_t>(i + j * rows)];
  }
};

/// Room after the numbers that a complex routine reads, `stride` apart. OpenBLAS 0.3.21's zgemv for Haswell reads up to
/// a few columns beyond a matrix (OpenBLAS issues 4013 and 5000) and ignores them, which ends the process where that
/// memory is not mapped. Call it on every array before it goes to such a routine.
void leave_room(std::vector<std::complex<double>>& values, std::int64_t stride);

/// By zgeev.
std::vector<std::complex<double>> eigenvalues(ComplexMatrix a);

/// T of A = U T U^*, upper triangular, by zgees.
ComplexMatrix triangular_form(const Matrix<double>& a);

/// The smallest singular value of a square complex matrix with its right vector, of 2-norm 1, by zgesdd.
struct SmallestTriplet {
  double sigma = 0;
  std::vector<std::complex<double>> left;
  std::vector<std::complex<double>> right;
};
SmallestTriplet smallest_triplet(ComplexMatrix a);

/// Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric matrix, of which the lower triangle is read, by
/// dsyevd.
struct SymmetricEigen {
  std::vector<double> values;
  Matrix<double> vectors;
};
SymmetricEigen symmetric_eigen(Matrix<double> a);

/// A^-1 by dgetrf and dgetri; missing if a pivot is 0 or an entry is not finite.
std::optional<Matrix<double>> inverse(Matrix<double> a);

}  // namespace sigmax::lapack
