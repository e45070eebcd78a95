// Upper bounds on rounding errors, themselves rounded up. IEEE 754 double arithmetic, round to nearest, gradual
// underflow; see docs/proofs.md.
#pragma once

#include <cmath>
#include <cstdint>
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

}  // namespace sigmax::bounds
