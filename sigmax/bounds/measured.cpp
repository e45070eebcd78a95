#include "sigmax/bounds/measured.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/bounds/proof.hpp"
#include "sigmax/bounds/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kMargin = 0x1p-49;

}  // namespace

LowerBound widened_lower(double value) {
  const FloatingEnvironment environment;
  // A quantity beyond the range of double is at least its largest number.
  return Proof::lower(std::fmin(round_down(value * (1 - kMargin)), std::numeric_limits<double>::max()));
}

double widened_upper(double value) {
  const FloatingEnvironment environment;
  return round_up(value * (1 + kMargin));
}

Enclosure zero_enclosure() { return {Proof::lower(0), Proof::proven(0)}; }

// A power of two is exact but for what underflows, at most 2^-1075, and widening moves by 2^-1070.
Measured scaled(const Measured& measured, std::int64_t exponent) {
  const FloatingEnvironment environment;
  if (exponent == 0) return measured;
  const int shift = static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000));
  const auto move = [shift](double value) { return std::ldexp(value, shift); };
  Measured result{{widened_lower(move(measured.sigma_max.lower.value())), std::nullopt}, move(measured.estimate)};
  if (const auto& upper = measured.sigma_max.upper) {
    const double value = upper->value() == 0 ? 0.0 : widened_upper(move(upper->value()));
    if (!std::isfinite(value)) return result;
    result.sigma_max.upper = upper->certainty() == Certainty::proven
                                 ? Proof::proven(value)
                                 : Proof::probabilistic(value, upper->failure_probability());
  }
  return result;
}

Measured scaled(const Measured& measured, double factor) {
  const FloatingEnvironment environment;
  return scaled(measured, static_cast<std::int64_t>(std::ilogb(factor)));
}

Measured larger(const Measured& a, const Measured& b) {
  const FloatingEnvironment environment;
  const auto& upper_a = a.sigma_max.upper;
  const auto& upper_b = b.sigma_max.upper;
  Measured result{
      {a.sigma_max.lower.value() >= b.sigma_max.lower.value() ? a.sigma_max.lower : b.sigma_max.lower, std::nullopt},
      std::max(a.estimate, b.estimate)};
  if (!upper_a || !upper_b) return result;
  const double value = std::max(upper_a->value(), upper_b->value());
  const double failure = std::min(upper_a->failure_probability() + upper_b->failure_probability(), 1.0);
  result.sigma_max.upper = failure == 0 ? Proof::proven(value) : Proof::probabilistic(value, failure);
  return result;
}

}  // namespace sigmax::bounds
