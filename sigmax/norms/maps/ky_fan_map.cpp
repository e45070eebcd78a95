#include "sigmax/norms/maps/ky_fan_map.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/maps/log_balance.hpp"
#include "sigmax/norms/maps/root.hpp"

namespace sigmax::norms {

namespace {}  // namespace

// The sum of the k largest y_i^p is the largest sum w_i y_i^p over weights 0 <= w_i <= 1 that add up to k. For given
// weights the minimizer is y_i + mu w_i y_i^(p-1) = x_i, and at the saddle w_i = 1 above a level, 0 below it, and
// between on it:
//     y_i = b_i > level,  b_i + mu b_i^(p-1) = x_i,     w_i = 1
//     y_i = level,        w_i = (x_i - level) / (mu level^(p-1))
//     y_i = x_i < level,                                w_i = 0
// The weights fall as the level rises, so their sum is k at one level, between b_k and x_{k+1}: at b_k the k largest
// have weight 1, at x_{k+1} no others have any. Where b_k >= x_{k+1} nothing lies between. With k nonzero x_i or fewer
// all of them have weight 1 and the level is 0.
KyFanPath::KyFanPath(std::span<const double> x, KyFan n) : n_(n), x_(x) {
  for (const double value : x) sorted_.push_back(std::fabs(value));
  std::sort(sorted_.begin(), sorted_.end(), std::greater<>());
}

double KyFanPath::log_level(double log_mu) const {
  const auto k = static_cast<std::size_t>(n_.k);
  if (k >= sorted_.size() || sorted_[k] == 0) return -kInfinity;
  const double e = n_.p - 1;
  const double low = log_balanced(std::log(sorted_[k - 1]), log_mu, e);
  const double high = std::log(sorted_[k]);
  if (low >= high) return low;
  const auto excess = [&](double log_level) {
    const double level = std::exp(log_level);
    const double per_weight = std::exp(-log_mu - e * log_level);
    double weights = 0;
    for (const double value : sorted_) {
      if (value <= level) break;
      weights += std::min(1.0, (value - level) * per_weight);
    }
    return weights - static_cast<double>(n_.k);
  };
  return root_of_falling(excess, low, high);
}

double KyFanPath::log_image(double log_x, double log_level, double log_mu) const {
  if (log_x <= log_level) return log_x;
  return std::max(log_level, log_balanced(log_x, log_mu, n_.p - 1));
}

std::vector<double> KyFanPath::at(double log_mu) const {
  const double level = log_level(log_mu);
  std::vector<double> y;
  y.reserve(x_.size());
  for (const double value : x_) {
    const double log_x = std::log(std::fabs(value));
    // What the map leaves as it is stays so to the last bit.
    const double size = log_x <= level ? std::fabs(value) : std::exp(log_image(log_x, level, log_mu));
    y.push_back(std::copysign(std::min(size, std::fabs(value)), value));
  }
  return y;
}

double KyFanPath::log_norm(double log_mu) const {
  const double level = log_level(log_mu);
  std::vector<double> logs;
  for (const double value : std::span(sorted_).first(static_cast<std::size_t>(n_.k))) {
    logs.push_back(log_image(std::log(value), level, log_mu));
  }
  return log_p_norm(logs, n_.p);
}

}  // namespace sigmax::norms
