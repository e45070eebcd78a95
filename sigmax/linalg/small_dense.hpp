// Small dense eigenproblems and decompositions in double, through LAPACK, such as the projections onto a Krylov space.
// Internal to the library; callers hold a SerialBlas.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// Eigenpairs of a symmetric matrix, by descending value; vectors of norm 1 as columns.
struct SmallEigen {
  std::vector<double> value;
  Matrix<double> vector;
};

/// The min(wanted, order) largest eigenpairs of a symmetric matrix. Only its lower triangle is read. Throws Error if
/// LAPACK fails.
SmallEigen largest_of_symmetric(Matrix<double> a, std::int64_t wanted);

/// A = P diag(sigma) W^T of a square matrix, by descending sigma. Throws Error if LAPACK fails.
struct SmallSvd {
  Matrix<double> p;
  std::vector<double> sigma;
  Matrix<double> w;
};
SmallSvd svd_of_square(Matrix<double> a);

}  // namespace sigmax
