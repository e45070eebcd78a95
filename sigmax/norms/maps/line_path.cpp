#include "sigmax/norms/maps/line_path.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/maps/log_balance.hpp"
#include "sigmax/norms/maps/root.hpp"
#include "sigmax/norms/vector.hpp"

namespace sigmax::norms {
namespace {

bool has_corners(double p) { return p == 1 || std::isinf(p); }

}  // namespace

// Where y is not 0 the subgradient of |y|_p^q / q is |y|_p^(q-1) times that of |y|_p. So y is the proximal map of
// lambda |.|_p with
//     lambda = mu t^(q-1),  t = |y|_p.
// As lambda rises t falls, so log lambda - (q-1) log t rises and is log mu at one lambda.
//
// p = 1: y = sign(x) (|x| - lambda)_+, p = infinity: y = x clipped at t with sum (|x_i| - t)_+ = lambda. Both are found
// by t, whose equation is solved in closed form by prefix sums: t may be tiny, and is found to all its digits.
//
// Other p: in units of |x|_p, y_i + kappa y_i^(p-1) = x_i with kappa = mu |x|_p^(q-2) |y|_p^(q-p), so that s = log
// kappa solves
//     g(s) = s + (p-q) log |y(s)|_p = log mu + (q-2) log |x|_p.
// d log y_i / ds = -a_i / (1 + (p-1) a_i), a_i = kappa y_i^(p-2), so d log |y|_p / ds, their mean with the weights
// (y_i / |y|_p)^p, lies in [-1/(p-1), 0], and the slope of g between 1 and (q-1)/(p-1).
LinePath::LinePath(std::span<const double> x, double p, double q) : p_(p), q_(q), x_(x) {
  largest_ = vector_norm(x, kInfinity);
  if (largest_ == 0) return;
  if (has_corners(p)) {
    for (const double value : x) sorted_.push_back(std::fabs(value));
    std::sort(sorted_.begin(), sorted_.end(), std::greater<>());
    prefix_.push_back(0);
    for (const double value : sorted_) prefix_.push_back(prefix_.back() + value);
    return;
  }
  log_size_ = std::log(vector_norm(x, p));
  for (const double value : x) log_values_.push_back(std::log(std::fabs(value)) - log_size_);
}

// p = 1: lambda with sum (|x_i| - lambda)_+ = t. The k largest entries exceed it if and only if what they have above
// the k-th is less than t.
double LinePath::log_level(double log_length) const {
  const double t = std::exp(log_length);
  std::size_t low = 1;
  std::size_t high = sorted_.size();
  while (low < high) {
    const std::size_t middle = (low + high + 1) / 2;
    const bool exceeds = prefix_[middle] - static_cast<double>(middle) * sorted_[middle - 1] < t;
    (exceeds ? low : high) = exceeds ? middle : middle - 1;
  }
  return std::log(std::max(0.0, (prefix_[low] - t) / static_cast<double>(low)));
}

// lambda of the proximal map whose result has the length t.
double LinePath::log_lambda(double log_length) const {
  if (p_ == 1) return log_level(log_length);
  const double t = std::exp(log_length);
  const auto above = std::partition_point(sorted_.begin(), sorted_.end(), [t](double value) { return value > t; });
  const auto count = static_cast<std::size_t>(above - sorted_.begin());
  return std::log(std::max(0.0, prefix_[count] - static_cast<double>(count) * t));
}

// Where t is at most half of the largest entry, lambda is at least the other half, for p = 1 and p = infinity.
double LinePath::log_length(double log_mu) const {
  const double half = std::log(largest_ / 2);
  const double low = std::min(half, (half - log_mu) / (q_ - 1));
  const double high = std::log(p_ == 1 ? prefix_.back() : largest_);
  const auto excess = [&](double log_length) { return log_lambda(log_length) - (q_ - 1) * log_length - log_mu; };
  return root_of_falling(excess, low, high);
}

LinePath::Powers LinePath::powers(double log_kappa) const {
  std::vector<double> logs;
  logs.reserve(log_values_.size());
  for (const double log_x : log_values_) logs.push_back(log_balanced(log_x, log_kappa, p_ - 1));
  const double log_norm = log_p_norm(logs, p_);
  double slope = 0;
  for (const double z : logs) {
    const double weight = std::exp(p_ * (z - log_norm));
    if (!(weight > 0)) continue;
    // a / (1 + (p-1) a) without an overflow of a.
    slope -= weight / (std::exp(-log_kappa - (p_ - 2) * z) + (p_ - 1));
  }
  return {log_norm, slope};
}

// Newton's steps on g, kept in the interval that its slopes and signs leave, and halvings of it where they do not
// halve it. The interval is at most about 1e19 wide and ends at rounding: 140 halvings.
double LinePath::log_kappa(double log_mu) {
  const double target = log_mu + (q_ - 2) * log_size_;
  const double least = std::min(1.0, (q_ - 1) / (p_ - 1));
  double s = last_ + (log_mu - last_for_);
  double low = -kInfinity;
  double high = kInfinity;
  for (int step = 0; step < 300; ++step) {
    const Powers found = powers(s);
    const double excess = s + (p_ - q_) * found.log_norm - target;
    const double other = s - excess / least;
    if (excess > 0) {
      high = s;
      low = std::max(low, other);
    } else {
      low = s;
      high = std::min(high, other);
    }
    const double noise = 4 * std::numeric_limits<double>::epsilon() *
                         (std::fabs(s) + std::fabs((p_ - q_) * found.log_norm) + std::fabs(target));
    if (std::fabs(excess) <= noise) break;
    double next = s - excess / (1 + (p_ - q_) * found.slope);
    if (!(next > low) || !(next < high) || step % 8 == 7) next = low + 0.5 * (high - low);
    if (!(next > low) || !(next < high)) break;
    s = next;
  }
  last_ = s;
  last_for_ = log_mu;
  return s;
}

double LinePath::log_norm(double log_mu) {
  if (largest_ == 0) return -kInfinity;
  if (has_corners(p_)) return log_length(log_mu);
  return log_size_ + powers(log_kappa(log_mu)).log_norm;
}

std::vector<double> LinePath::at(double log_mu) {
  std::vector<double> y(x_.begin(), x_.end());
  if (largest_ == 0) return y;
  if (has_corners(p_)) {
    const double log_t = log_length(log_mu);
    const double level = std::exp(p_ == 1 ? log_level(log_t) : log_t);
    for (double& value : y) {
      const double size = std::fabs(value);
      value = std::copysign(p_ == 1 ? std::max(size - level, 0.0) : std::min(size, level), value);
    }
    return y;
  }
  const double log_kappa_here = log_kappa(log_mu);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double size = std::exp(log_size_ + log_balanced(log_values_[i], log_kappa_here, p_ - 1));
    y[i] = std::copysign(std::min(size, std::fabs(y[i])), y[i]);
  }
  return y;
}

}  // namespace sigmax::norms
