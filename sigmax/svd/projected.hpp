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

/// The recurrence of one start vector out of a growing H: a block Krylov space knows that of each vector it began with.
class RecurrenceReader {
 public:
  /// `start` holds the coordinates of g / |g| in the first vectors of the basis; what else a recurrence has comes with
  /// `recurrence`.
  RecurrenceReader(std::span<const double> start, LanczosRecurrence recurrence);

  /// Goes on to `steps` steps of the Lanczos process on C from V start. H = V^T C V_done is `count` x `done`, V is
  /// orthonormal, and the span of V_done contains C^j V start for j < steps; H has the entries of the call before.
  /// Fewer steps where what is left of one is rounding: the space is exhausted. Cost: O(done count) flops a new step.
  void extend(MatrixView<const double> h, std::int64_t count, std::int64_t done, std::int64_t steps);

  const LanczosRecurrence& recurrence() const noexcept { return recurrence_; }

 private:
  std::vector<std::vector<double>> p_;  // p_1, p_2, ...: each as long as it has entries
  LanczosRecurrence recurrence_;
  double largest_ = 0;
  bool exhausted_ = false;
};

}  // namespace sigmax
