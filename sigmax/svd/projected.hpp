// The small dense problems inside Krylov solvers, in double, through LAPACK. Internal to svd/; callers hold a
// SerialBlas.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/svd/recurrence.hpp"

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

/// alpha and beta of the first `steps` steps of the Lanczos process on C from v_1, out of H = V^T C V_done, `count` x
/// `done`, with V orthonormal, v_1 its first column, and the span of V_done containing C^j v_1 for j < steps: a block
/// Krylov space knows the recurrence of each of its start vectors.
void record_first(MatrixView<const double> h, std::int64_t count, std::int64_t done, std::int64_t steps,
                  LanczosRecurrence& result);

}  // namespace sigmax
