// Accelerated proximal gradient steps with a line search, for a least-squares fit of observed entries. Internal to
// recovery/.
#pragma once

#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/recovery/observed.hpp"
#include "sigmax/recovery/result.hpp"
#include "sigmax/recovery/threshold.hpp"

namespace sigmax::recovery {

/// An iterate and its entries at the observed places.
struct Iterate {
  LowRank x;
  std::vector<double> entries;

  double nuclear() const;
};

/// Steps toward min over X of 1/2 sum (t_e - x_e)^2 + lambda |X|_*, the sum over the observed places. Target and lambda
/// may change from step to step.
class ProximalGradient {
 public:
  ProximalGradient(const Observed& problem, Threshold& threshold, Context& context)
      : problem_(problem), threshold_(threshold), context_(context) {}

  void start(LowRank x);
  void step(std::span<const double> target, double lambda);

  const Iterate& now() const noexcept { return now_; }
  /// target - x at the observed places, of the last step.
  const std::vector<double>& residual() const noexcept { return residual_; }
  /// How far the last step went, relative: in the observed entries, and in all.
  double change() const noexcept { return change_; }
  double distance() const noexcept { return distance_; }

 private:
  struct Trial;
  Trial trial(std::span<const double> target, double lambda, double b);
  double objective(const Iterate& it, std::span<const double> target, double lambda) const;

  const Observed& problem_;
  Threshold& threshold_;
  Context& context_;
  Iterate now_;
  Iterate before_;
  std::vector<double> residual_;
  double momentum_ = 1;
  double curvature_ = 1;
  double change_ = 1;
  double distance_ = 1;
};

}  // namespace sigmax::recovery
