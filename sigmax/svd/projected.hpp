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

/// alpha and beta of the first `steps` steps of the Lanczos process on C from V start, out of H = V^T C V_done, `count`
/// x `done`, with V orthonormal, and the span of V_done containing C^j V start for j < steps: a block Krylov space
/// knows the recurrence of each of its start vectors. `start` may be shorter than V has columns; its norm does not
/// matter. Fewer steps where what is left of one is rounding: the space is exhausted.
void record_recurrence(MatrixView<const double> h, std::int64_t count, std::int64_t done, std::int64_t steps,
                       std::span<const double> start, LanczosRecurrence& result);

}  // namespace sigmax
