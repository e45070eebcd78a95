// Solves with a square matrix and its transpose by an LU factorization with row exchanges. Internal to sensitivity/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::sensitivity {

/// P 2^exponent A = L U, with the largest entry of 2^exponent A in [1/2, 1).
class LuSolver {
 public:
  /// Cost: a copy in double, 2/3 n^3 flops. The entries are finite; A is square.
  LuSolver(ScannedMatrix& a, Context& context);

  /// Whether every pivot is different from 0.
  bool is_regular() const noexcept { return regular_; }
  std::int64_t order() const noexcept { return factors_.rows(); }

  /// X <- (2^exponent A)^-1 X, or its transpose.
  void solve(Matrix<double>& x, bool transposed) const;

 private:
  Matrix<double> factors_;
  std::vector<int> pivots_;
  bool transposed_ = false;  // the factors are those of A^T
  bool regular_ = false;
};

}  // namespace sigmax::sensitivity
