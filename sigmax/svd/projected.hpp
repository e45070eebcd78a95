// The small dense problems inside Krylov solvers, in double, through LAPACK. Internal to svd/; callers hold a
// SerialBlas.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// Eigenpairs of a symmetric matrix, by descending value; vectors of norm 1 as columns.
struct SmallEigen {
  std::vector<double> value;
  Matrix<double> vector;
};

/// The min(wanted, order) largest eigenpairs of the tridiagonal matrix with diagonal `alpha` and off-diagonal `beta`
/// (its entries from alpha.size() - 1 on are not looked at). Throws Error if LAPACK fails.
SmallEigen largest_of_tridiagonal(std::span<const double> alpha, std::span<const double> beta, std::int64_t wanted);

/// The min(wanted, order) largest eigenpairs of a symmetric matrix, of which the lower triangle is read. Throws Error
/// if LAPACK fails.
SmallEigen largest_of_symmetric(Matrix<double> a, std::int64_t wanted);

/// A = P diag(sigma) W^T of a square matrix, by descending sigma. Throws Error if LAPACK fails.
struct SmallSvd {
  Matrix<double> p;
  std::vector<double> sigma;
  Matrix<double> w;
};
SmallSvd svd_of_square(Matrix<double> a);

}  // namespace sigmax
