// The minimizers of 1/2 |y - x|^2 + mu/p times the sum of the k largest |y_i|^p, on which the maps of the Ky Fan (k,
// p)-norm lie. Internal to norms/.
#pragma once

#include <span>
#include <vector>

#include "sigmax/norms/table.hpp"

namespace sigmax::norms {

/// For 1 < p < infinity and 1 <= k <= x.size(), x not zero.
class KyFanPath {
 public:
  KyFanPath(std::span<const double> x, KyFan n);

  /// y for this mu, with the signs of x.
  std::vector<double> at(double log_mu) const;

  /// log of the Ky Fan (k, p)-norm of that y. It falls in mu, more slowly than mu^(-1/(p-1)).
  double log_norm(double log_mu) const;

 private:
  // y has |y_i| = |x_i| up to the level, and max(level, b_i) with b_i + mu b_i^(p-1) = |x_i| above it.
  double log_level(double log_mu) const;
  double log_image(double log_x, double log_level, double log_mu) const;

  KyFan n_;
  std::span<const double> x_;
  std::vector<double> sorted_;  // magnitudes, descending
};

}  // namespace sigmax::norms
