#include "sigmax/norms/maps/water_level.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/core/floating_environment.hpp"

namespace sigmax::norms {
namespace {

double filled(std::span<const double> sigma, double cap, double theta) {
  double sum = 0;
  for (std::size_t i = sigma.size(); i-- > 0;) sum += std::clamp(sigma[i] - theta, 0.0, cap);
  return sum;
}

}  // namespace

// The sum falls from its value at 0 to 0 at sigma_1. Between the corners around `total` it is a line:
//     theta = low + (filled(low) - total) / slope,  slope the number of terms strictly between 0 and cap
std::optional<double> water_level(std::span<const double> sigma, double cap, double total) {
  const FloatingEnvironment environment;
  if (sigma.empty() || filled(sigma, cap, 0) < total) return std::nullopt;
  std::vector<double> corners{0.0};
  for (const double value : sigma) {
    corners.push_back(value);
    if (value > cap) corners.push_back(value - cap);
  }
  std::sort(corners.begin(), corners.end());
  // The last corner with at least `total` above it.
  const auto after = std::partition_point(corners.begin(), corners.end(),
                                          [&](double theta) { return filled(sigma, cap, theta) >= total; });
  if (after == corners.begin()) return 0.0;
  const double low = *(after - 1);
  if (after == corners.end()) return low;
  double slope = 0;
  const double middle = low + (*after - low) / 2;
  for (const double value : sigma) slope += value > middle && value - cap < middle ? 1 : 0;
  if (slope == 0) return low;
  return std::min(low + (filled(sigma, cap, low) - total) / slope, *after);
}

}  // namespace sigmax::norms
