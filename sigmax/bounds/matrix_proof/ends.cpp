#include "sigmax/bounds/matrix_proof/ends.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kMargin = 0x1p-49;

}  // namespace

LowerBound lower_end(double value, double failure) {
  if (!(value > 0) || failure >= 1) return Proof::lower(0);
  const double finite = smaller_of(value, kLargest);
  return failure == 0 ? Proof::lower(finite) : Proof::probabilistic_lower(finite, failure);
}

std::optional<UpperBound> upper_end(double value, double failure) {
  if (!(value < kInfinity) || failure >= 1) return std::nullopt;
  return failure == 0 ? Proof::proven(value) : Proof::probabilistic(value, failure);
}

LowerBound widened_lower(double value) {
  const FloatingEnvironment environment;
  // A quantity beyond the range of double is at least its largest number.
  return Proof::lower(smaller_of(round_down(value * (1 - kMargin)), kLargest));
}

double widened_upper(double value) {
  const FloatingEnvironment environment;
  return round_up(value * (1 + kMargin));
}

Enclosure zero_enclosure() { return Proof::enclosure(Proof::lower(0), Proof::proven(0)); }

// A power of two is exact except for underflow, at most 2^-1075, and widening moves by 2^-1070.
Measured scaled(const Measured& measured, std::int64_t exponent) {
  const FloatingEnvironment environment;
  if (exponent == 0) return measured;
  const LowerBound lower = widened_lower(times_power(measured.sigma_max.lower.value(), exponent));
  const double estimate = smaller_of(times_power(measured.estimate, exponent), kLargest);
  const auto& upper = measured.sigma_max.upper;
  if (!upper) return {Proof::enclosure(lower, std::nullopt), estimate};
  const double value = upper->value() == 0 ? 0.0 : widened_upper(times_power(upper->value(), exponent));
  const UpperBound moved = upper->certainty() == Certainty::proven
                               ? Proof::proven(value)
                               : Proof::probabilistic(value, upper->failure_probability());
  return {Proof::enclosure(lower, moved), estimate};
}

Measured scaled(const Measured& measured, double factor) {
  const FloatingEnvironment environment;
  return scaled(measured, static_cast<std::int64_t>(std::ilogb(factor)));
}

Measured reconciled(const Measured& measured, double computed, double error, const UpperBound& proven) {
  const FloatingEnvironment environment;
  const double least = computed * (1 - error);
  const double most = computed * (1 + error);
  const double lower = measured.sigma_max.lower.value();
  Measured result = measured;
  if (result.sigma_max.upper && result.sigma_max.upper->certainty() == Certainty::probabilistic &&
      !(least <= result.sigma_max.upper->value())) {
    result.sigma_max = Proof::enclosure(measured.sigma_max.lower, proven);
  }
  const double upper =
      result.sigma_max.upper ? result.sigma_max.upper->value() : std::numeric_limits<double>::infinity();
  if (!(most >= lower && least <= upper) && blas_supports_proofs()) {
    throw_contradiction(fmt::format("a computed value of {:.17g} outside of the proven ends, {:.17g} and {:.17g}",
                                    computed, lower, upper));
  }
  result.estimate = std::clamp(computed, lower, upper);
  return result;
}

}  // namespace sigmax::bounds
