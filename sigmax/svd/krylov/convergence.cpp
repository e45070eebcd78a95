#include "sigmax/svd/krylov/convergence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace sigmax {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// error / allowed where 0 / 0 is nothing to complain of.
double ratio(double error, double allowed) {
  if (error <= allowed) return allowed > 0 ? error / allowed : 0;
  return allowed > 0 ? error / allowed : kInfinity;
}

}  // namespace

double estimated_error(std::span<const double> values, double residual, std::size_t i) {
  double gap = kInfinity;
  if (i > 0) gap = values[i - 1] - values[i];
  if (i + 1 < values.size()) gap = std::min(gap, values[i] - values[i + 1]);
  if (gap == kInfinity) gap = values[i];
  return gap > residual ? residual * residual / gap : residual;
}

double GramTolerance::excess(std::span<const double> theta, std::span<const double> residual, std::int64_t k) const {
  const auto wanted = static_cast<std::size_t>(k);
  if (theta.size() < wanted) return kInfinity;
  const double largest = std::max(theta.front(), 0.0);
  double worst = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    const double own = std::max(theta[i], 0.0);
    const double of_tolerance = accuracy == Accuracy::values
                                    ? ratio(estimated_error(theta, residual[i], i), tolerance * own)
                                    : ratio(residual[i], tolerance * std::sqrt(own * largest));
    worst = std::max(worst, std::min(of_tolerance, ratio(residual[i], rounding * largest)));
  }
  return worst;
}

// With A v = sigma u and A^T u = sigma v + r, the residual of theta = sigma^2 is sigma r: errors are estimated there,
// where the estimate is the sharpest, and that of sigma is |d theta| / 2 sigma. Of a sigma below r only r itself is
// known.
double TripletTolerance::excess(std::span<const double> sigma, std::span<const double> residual, std::int64_t k) const {
  const auto wanted = static_cast<std::size_t>(k);
  if (sigma.size() < wanted) return kInfinity;
  std::vector<double> theta(sigma.begin(), sigma.end());
  for (double& value : theta) value *= value;
  double worst = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    const double r = residual[i];
    const double error = sigma[i] > r ? estimated_error(theta, sigma[i] * r, i) / (2 * sigma[i]) : r;
    const double of_tolerance =
        accuracy == Accuracy::values ? ratio(error, tolerance * sigma[i]) : ratio(r, tolerance * sigma.front());
    worst = std::max(worst, std::min(of_tolerance, ratio(r, rounding * sigma.front())));
  }
  return worst;
}

void Schedule::looked(std::int64_t step, double excess) {
  const std::int64_t made = step - begun_;
  left_ = kInfinity;
  std::int64_t ahead = made < 2 ? 1 : made < 8 ? 2 : std::max<std::int64_t>(4, made / 8);
  if (last_ > begun_ && std::isfinite(last_excess_) && excess < last_excess_) {
    const double fall = std::log(last_excess_ / excess) / static_cast<double>(step - last_);
    // Convergence speeds up as it proceeds: not the whole distance at once, nor far beyond what has been made, which
    // the easy spectra of trained weights would pay for.
    left_ = std::log(excess) / fall;
    ahead =
        static_cast<std::int64_t>(std::clamp(0.7 * left_, 1.0, std::clamp(static_cast<double>(made) / 2, 1.0, 8.0)));
  }
  last_ = step;
  last_excess_ = excess;
  next_ = step + std::max(ahead, apart_);
}

void Schedule::restart(std::int64_t step) {
  begun_ = step;
  last_ = step;
  last_excess_ = 0;
  // Not `apart_`: the room may be for three steps only. Nor later than was meant to be: it may be for two.
  next_ = std::min(next_, step + 2);
}

void Probe::begin(std::span<const double> values, std::span<const double> residual, std::int64_t k,
                  std::int64_t products, std::int64_t pending) {
  begun_ = true;
  before_.assign(values.begin(), values.begin() + k);
  error_.clear();
  for (std::size_t i = 0; i < before_.size(); ++i) error_.push_back(estimated_error(values, residual[i], i));
  once_ = pending * static_cast<std::int64_t>(length(products, pending));
  until_ = products + once_;
  last_ = until_ + 2 * once_;
}

Probe::Verdict Probe::verdict(std::span<const double> values, std::span<const double> residual, std::int64_t products,
                              double slack, double rounding) {
  if (!wanted_) return Verdict::passed;
  if (!begun_) return Verdict::another;
  for (std::size_t i = 0; i < before_.size(); ++i) {
    if (values[i] > before_[i] + std::max({slack * before_[i], 4 * error_[i], rounding})) return Verdict::another;
  }
  const double kth = values[before_.size() - 1];
  for (std::size_t i = before_.size(); i < values.size() && products < last_; ++i) {
    if (values[i] + residual[i] <= kth + std::max(slack * kth, rounding)) continue;
    until_ = products + once_;
    return Verdict::go_on;
  }
  return Verdict::passed;
}

}  // namespace sigmax
