// Upper bounds on rounding errors, themselves rounded up. IEEE 754 double arithmetic, round to nearest, gradual
// underflow; see docs/proofs.md. Internal to bounds/.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::bounds {

inline constexpr double kUnitRoundoff = 0x1p-53;
inline constexpr double kLargest = std::numeric_limits<double>::max();

/// The larger and the smaller of two numbers, and NaN if one of them is NaN: std::fmax and std::fmin would drop it, and
/// a failed bound would go unnoticed.
inline double larger_of(double a, double b) { return std::isnan(a) || a > b ? a : b; }
inline double smaller_of(double a, double b) { return std::isnan(a) || a < b ? a : b; }

/// 2^exponent x for any exponent. Beyond +-5000 every double except 0 overflows or underflows.
inline double times_power(double x, std::int64_t exponent) {
  return std::ldexp(x, static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000)));
}

/// At least 2^exponent, for exponent <= 0: not less than 2^-1000.
inline double power_up(std::int64_t exponent) { return times_power(1, std::max<std::int64_t>(exponent, -1000)); }

/// At least x (1 + 64 u) for x >= 0: covers any formula of fewer than 60 operations on nonnegative numbers that has no
/// subtraction, evaluated in double.
inline double round_up(double x) { return x * (1 + 0x1p-46) + 0x1p-1070; }

/// At most x (1 - 64 u) for x >= 0: the counterpart for lower bounds; 0 if x is too small.
inline double round_down(double x) { return larger_of(x * (1 - 0x1p-46) - 0x1p-1070, 0.0); }

/// At least gamma_n = n u / (1 - n u), for n u < 1/2.
inline double gamma(std::int64_t n) {
  const double nu = static_cast<double>(n) * kUnitRoundoff;
  return round_up(nu / (1 - nu));
}

/// At least the effect of underflow on one inner product of n terms, in units of 1, for factors of at most 1 in
/// magnitude: n products lose 2^-1075 each, and either factor of a product may have lost 2^-1075 itself when it was
/// scaled. In units of 2^-1074: n / 2 + n, and 1 for the products of two such losses.
inline double inner_product_underflow(std::int64_t n) { return (1.5 * static_cast<double>(n) + 1) * 0x1p-1074; }

/// sum x_i^2, with a relative error of at most gamma_{n+1} for any order of summation.
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
    largest = larger_of(largest, std::fabs(value));
  }
  if (largest == 0) return {};
  // Within 2^+-400 no square leaves the range except those below 2^-1074, which are negligible compared with the
  // largest.
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
