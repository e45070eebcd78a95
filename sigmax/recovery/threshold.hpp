// Singular-value thresholding with a warm start: the proximal map of threshold |X|_*. Internal to recovery/.
#pragma once

#include <cstdint>

#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/recovery/result.hpp"

namespace sigmax::recovery {

/// Remembers the subspace of one call for the next, whose operator is near. Nothing that is proven rests on the
/// triplets found: a missed or inexact one costs iterations.
class Threshold {
 public:
  explicit Threshold(RandomState random) : random_(random) {}

  /// U diag(sigma - threshold)_+ V^T over the triplets of A with sigma > threshold. Residuals of the triplets are at
  /// most `accuracy` sigma_1, if a few more steps reach that.
  LowRank operator()(const LinearOperator<double>& a, double threshold, double accuracy, Context& context);

  /// The vectors to start from: a low-rank matrix near the next operator.
  void start_from(const LowRank& x);

  /// An estimate of sigma_1 from below, from a random start.
  double largest(const LinearOperator<double>& a, double tolerance, Context& context);

  std::int64_t products() const noexcept { return products_; }

 private:
  RandomState random_;
  Matrix<double> subspace_;
  std::int64_t expected_ = 8;
  std::int64_t products_ = 0;
};

}  // namespace sigmax::recovery
