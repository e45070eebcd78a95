#include "sigmax/bounds/powers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
ValueRange within(double value, double error) {
  return {round_down(smaller_of(value, kLargest) * (1 - error)), round_up(value * (1 + error))};
}

// With n = floor(p), the errors are the n - 1 rounding errors of x^n, at most 2 u in each repeated square root (half of
// the previous error, and its own), and one in each multiplication by a root. A double of at least 1 has at most 52
// binary digits after the point, one of at least 2^-40 has 92: gamma_{n + 3 * 52} and gamma_{3 * 92} in total. For
// x <= 1 no step except the roots is smaller than x^p, so a step can only underflow if x^p < 2^-1022, and then the
// result is at most 2^-1020 and loses a few units of 2^-1074.
double power(double x, double p) {
  const double whole = std::floor(p);
  const auto n = static_cast<std::uint64_t>(whole);
  double result = n == 0 ? 1 : x;
  std::uint64_t bit = 1;
  while (bit <= n / 2) bit *= 2;
  for (bit /= 2; bit > 0 && n > 0; bit /= 2) {
    result *= result;
    if ((n & bit) != 0) result *= x;
  }
  double rest = p - whole;
  double root = x;
  for (double digit = 0.5; rest > 0; digit /= 2) {
    root = std::sqrt(root);
    if (rest < digit) continue;
    result *= root;
    rest -= digit;
  }
  return result;
}

double power_error(double p) { return gamma(static_cast<std::int64_t>(p) + (p >= 1 ? 160 : 280)); }

ValueRange power_range(double x, double p) {
  if (p == 0) return {1, 1};
  if (!(p >= 0x1p-40) || !(p <= kLargestPower)) return {0, kInfinity};
  const ValueRange result = within(power(x, p), power_error(p));
  return {std::isinf(result.upper) ? 0 : result.lower, result.upper};
}

// A candidate from pow is a bound once its p-th power proves it; the margin doubles until it does. s itself and 1 are
// bounds in any case.
ValueRange root(ValueRange s, double p) {
  const double error = power_error(p);
  ValueRange result{1, s.upper};
  double margin = 0x1p-51;
  for (int doubling = 0; doubling < 50; ++doubling, margin *= 2) {
    const double candidate = std::pow(s.upper, 1 / p) * (1 + margin);
    if (!(round_down(power(candidate, p) * (1 - error)) >= s.upper)) continue;
    result.upper = smaller_of(candidate, s.upper);
    break;
  }
  margin = 0x1p-51;
  for (int doubling = 0; doubling < 50; ++doubling, margin *= 2) {
    const double candidate = std::pow(s.lower, 1 / p) * (1 - margin);
    if (candidate <= 1) break;
    if (!(round_up(power(candidate, p) * (1 + error)) <= s.lower)) continue;
    result.lower = candidate;
    break;
  }
  return result;
}

double root_up(double s, double p) {
  if (s == 0 || p == 1) return s;
  const double error = power_error(p);
  double margin = 0x1p-51;
  for (int doubling = 0; doubling < 50; ++doubling, margin *= 2) {
    const double candidate = std::pow(s, 1 / p) * (1 + margin);
    if (round_down(power(candidate, p) * (1 - error)) >= s) return candidate;
  }
  return kInfinity;
}

// A quotient has an error of u, so its power has p u in addition to the errors of power(). Terms that underflow lose
// less than n 2^-1020 together, which is negligible compared with 1.
double power_sum_error(double p, std::int64_t terms) {
  return round_up(gamma(2 * static_cast<std::int64_t>(p) + terms + 170) + 0x1p-900);
}

ValueRange p_norm_range(std::span<const double> x, double p) {
  const auto n = static_cast<std::int64_t>(x.size());
  const double most = *std::max_element(x.begin(), x.end());
  if (most == 0 || n == 1 || p == kInfinity || most == kInfinity) return {smaller_of(most, kLargest), most};
  // Sums of doubles do not underflow.
  if (p == 1) {
    double sum = 0;
    for (const double value : x) sum += value;
    return within(sum, gamma(n));
  }
  if (p == 2) {
    const NormRange norm = norm_range(x);
    const double lower = round_down(std::ldexp(norm.lower, norm.exponent));
    return {smaller_of(lower, kLargest), round_up(std::ldexp(norm.upper, norm.exponent))};
  }
  if (p > kLargestPower) {
    // n^(1/p) <= 1 + 2 log(n) / p, and log(n) < 45.
    return {most, round_up(most * (1 + 90 / p))};
  }
  // Relative to the largest number, whose term is 1.
  double sum = 0;
  for (const double value : x) sum += power(value / most, p);
  const double error = power_sum_error(p, n);
  const ValueRange factor = root({larger_of(1.0, round_down(sum * (1 - error))), round_up(sum * (1 + error))}, p);
  return {larger_of(most, round_down(smaller_of(most * factor.lower, kLargest))), round_up(most * factor.upper)};
}

}  // namespace sigmax::bounds
