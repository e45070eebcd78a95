#include "sigmax/bounds/arithmetic.hpp"

#include <cmath>
#include <optional>

#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
Enclosure reciprocal(const Enclosure& x) {
  const FloatingEnvironment environment;
  const double most = x.upper ? x.upper->value() : kInfinity;
  const LowerBound lower = most > 0 ? lower_end(round_down(1 / most), x.upper ? x.upper->failure_probability() : 0.0)
                                    : Proof::lower(kLargest);
  if (!(x.lower.value() > 0)) return Proof::enclosure(lower, std::nullopt);
  return Proof::enclosure(lower, upper_end(round_up(1 / x.lower.value()), x.lower.failure_probability()));
}

Enclosure scaled(const Enclosure& x, std::int64_t exponent) {
  const FloatingEnvironment environment;
  if (exponent == 0) return x;
  const double least = times_power(x.lower.value(), exponent);
  const bool exact = least <= kLargest && times_power(least, -exponent) == x.lower.value();
  const LowerBound lower =
      lower_end(exact ? least : round_down(smaller_of(least, kLargest)), x.lower.failure_probability());
  if (!x.upper) return Proof::enclosure(lower, std::nullopt);
  const double most = times_power(x.upper->value(), exponent);
  const bool kept = times_power(most, -exponent) == x.upper->value();
  return Proof::enclosure(lower, upper_end(kept ? most : round_up(most), x.upper->failure_probability()));
}

Enclosure at_least(const Enclosure& x) { return Proof::enclosure(x.lower, std::nullopt); }

Enclosure tighter(const Enclosure& x, const Enclosure& y) {
  const FloatingEnvironment environment;
  const LowerBound lower = x.lower.value() >= y.lower.value() ? x.lower : y.lower;
  if (!x.upper) return Proof::enclosure(lower, y.upper);
  if (!y.upper) return Proof::enclosure(lower, x.upper);
  return Proof::enclosure(lower, x.upper->value() <= y.upper->value() ? x.upper : y.upper);
}

}  // namespace sigmax::bounds
