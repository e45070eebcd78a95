// Upper bounds on rounding errors, themselves rounded up. IEEE 754 double arithmetic, round to nearest, gradual
// underflow; see docs/proofs.md.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>

namespace sigmax::bounds {

inline constexpr double kUnitRoundoff = 0x1p-53;

/// At least x (1 + 64 u) for x >= 0: covers any formula of fewer than 60 operations on nonnegative numbers that has no
/// subtraction, evaluated in double.
inline double round_up(double x) { return x * (1 + 0x1p-46) + 0x1p-1070; }

/// At most x (1 - 64 u) for x >= 0, the same for lower bounds; 0 if x is that small.
inline double round_down(double x) { return std::fmax(x * (1 - 0x1p-46) - 0x1p-1070, 0.0); }

/// At least gamma_n = n u / (1 - n u), for n u < 1/2.
inline double gamma(std::int64_t n) {
  const double nu = static_cast<double>(n) * kUnitRoundoff;
  return round_up(nu / (1 - nu));
}

/// sum x_i^2, with a relative error of at most gamma_{n+1} whatever the order of summation.
inline double sum_squares(std::span<const double> x) {
  double sums[4] = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= x.size(); i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += x[i + lane] * x[i + lane];
  }
  for (; i < x.size(); ++i) sums[0] += x[i] * x[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// lower <= |x| 2^-exponent <= upper. Not finite: lower 0, upper infinite.
struct NormRange {
  double lower = 0;
  double upper = 0;
  double computed = 0;
  int exponent = 0;
};

inline NormRange norm_range(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) {
    if (!std::isfinite(value)) return {0, std::numeric_limits<double>::infinity(), value};
    largest = std::fmax(largest, std::fabs(value));
  }
  if (largest == 0) return {};
  // Within 2^+-400 no square leaves the range but those below 2^-1074, which are nothing beside the largest.
  const int exponent = std::ilogb(largest);
  const bool far = std::abs(exponent) > 400;
  double sum = 0;
  if (far) {
    for (const double value : x) {
      const double moved = std::ldexp(value, -exponent);
      sum += moved * moved;
    }
  } else {
    sum = sum_squares(x);
  }
  const double slack = gamma(static_cast<std::int64_t>(x.size()) + 2);
  const double norm = std::sqrt(sum);
  return {round_down(norm * (1 - slack)), round_up(norm * (1 + slack)), norm, far ? exponent : 0};
}

}  // namespace sigmax::bounds
