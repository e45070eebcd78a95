// The Lanczos recurrence of a start vector, read from a Krylov process's projected operator. Internal to svd/.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

/// The recurrence of one start vector from a growing H: a block Krylov space contains the recurrence of each of its
/// start vectors.
class RecurrenceReader {
 public:
  /// `start` holds the coordinates of g / |g| in the first vectors of the basis; the other members of the recurrence
  /// come with `recurrence`.
  RecurrenceReader(std::span<const double> start, LanczosRecurrence recurrence);

  /// Continues to `steps` steps of the Lanczos process on C from V start. H = V^T C V_done is `count` x `done`, V is
  /// orthonormal, and the span of V_done contains C^j V start for j < steps; H has the entries of the call before.
  /// Stops earlier if the remainder of a step is rounding: the space is exhausted. Cost: O(done count) flops per new
  /// step.
  void extend(MatrixView<const double> h, std::int64_t count, std::int64_t done, std::int64_t steps);

  const LanczosRecurrence& recurrence() const noexcept { return recurrence_; }

 private:
  std::vector<std::vector<double>> p_;  // p_1, p_2, ...: each as long as it has entries
  LanczosRecurrence recurrence_;
  double largest_ = 0;
  bool exhausted_ = false;
};

}  // namespace sigmax
