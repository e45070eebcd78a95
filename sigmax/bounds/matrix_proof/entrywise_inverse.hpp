// An approximate inverse of a square matrix, and how far each of its entries is from the inverse. Internal to bounds/.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// X with row sums f_i >= sum_j |I - X A|_ij, and alpha = max f_i < 1. Then A is nonsingular, A^-1 = (I - F)^-1 X with
/// F = I - X A, and
///
///     |A^-1 - X|_ij = |F (I - F)^-1 X|_ij <= f_i c_j / (1 - alpha),    c_j = max_i |x_ij|,
///
/// because no entry of (I - F)^-1 X is larger than c_j / (1 - alpha).
struct EntrywiseInverse {
  Matrix<double> x;
  std::vector<double> defect;  ///< f
  std::vector<double> column;  ///< c
  double alpha = 0;

  /// At least (c^T w) / (1 - alpha): (|A^-1 - X| w)_i is at most f_i times this, for w >= 0.
  double beyond(std::span<const double> w) const;
};

/// Missing if alpha < 1 cannot be shown: a singular matrix, a condition number beyond about 1 / (n u), or a BLAS that
/// did not pass its test. The entries must be finite, and the largest at least 1/2 and at most 1;
/// they may have lost up to 2^-1074 to underflow: the bounds hold for the matrix before that as well. Any X is as good
/// as another: LAPACK's is not trusted. Cost: 4 n^3 flops and 3 n^2 doubles. Callers hold a SerialBlas.
std::optional<EntrywiseInverse> entrywise_inverse(const Matrix<double>& a);

}  // namespace sigmax::bounds
