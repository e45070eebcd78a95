#include "sigmax/bounds/arithmetic.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/core/error.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::bounds {
namespace {

// One operation, and the rounding of what it is compared with.
constexpr double kOneStep = tolerance::width_of_operations(1) + 4 * tolerance::kEpsilon;

Enclosure between(double lower, double upper) { return Proof::enclosure(Proof::lower(lower), Proof::proven(upper)); }

// In long double, whose products of doubles are exact or nearly so.
TEST(EnclosureArithmetic, ConditionNumbersAndReciprocalsAreRoundedOutward) {
  const Enclosure x = between(4.0 / 3, 2.7);
  const Enclosure y = between(1.1, 1e10 / 7);
  const Enclosure p = condition(x, y);
  EXPECT_LT(p.lower.value(), static_cast<long double>(x.lower.value()) * y.lower.value());
  EXPECT_GT(p.upper->value(), static_cast<long double>(x.upper->value()) * y.upper->value());
  EXPECT_NEAR(p.lower.value() / (4.4 / 3), 1, kOneStep);
  EXPECT_NEAR(p.upper->value() / (2.7e10 / 7), 1, kOneStep);
  const Enclosure r = reciprocal(x);
  EXPECT_LT(r.lower.value(), 1.0L / x.upper->value());
  EXPECT_GT(r.upper->value(), 1.0L / x.lower.value());
}

TEST(EnclosureArithmetic, KeepsWhatIsKnownOfMissingEndsAndZeros) {
  const Enclosure open = Proof::enclosure(Proof::lower(2), std::nullopt);
  EXPECT_FALSE(condition(open, between(1, 2)).upper);
  EXPECT_NEAR(condition(open, between(1, 2)).lower.value() / 2, 1, kOneStep);
  EXPECT_EQ(reciprocal(open).lower.value(), 0);
  EXPECT_NEAR(reciprocal(open).upper->value() / 0.5, 1, kOneStep);
  EXPECT_FALSE(reciprocal(between(0, 4)).upper);
  EXPECT_EQ(reciprocal(between(0, 0)).lower.value(), std::numeric_limits<double>::max());
}

TEST(EnclosureArithmetic, OverflowLosesTheUpperEndAlone) {
  const Enclosure p = condition(between(1e200, 1e200), between(1e200, 1e200));
  EXPECT_FALSE(p.upper);
  EXPECT_GT(p.lower.value(), 1e308);
  const Enclosure s = scaled(between(1, 3), 1023);
  EXPECT_EQ(s.lower.value(), 0x1p1023);
  EXPECT_FALSE(s.upper);
  EXPECT_EQ(scaled(between(1, 3), -1074).lower.value(), 0x1p-1074);
  EXPECT_EQ(scaled(between(1, 3), -2000).lower.value(), 0);
  EXPECT_GT(scaled(between(1, 3), -2000).upper->value(), 0);
}

TEST(EnclosureArithmetic, AddsFailureProbabilities) {
  const Enclosure x = Proof::enclosure(Proof::lower(2), Proof::probabilistic(3, 1e-3));
  const Enclosure y = Proof::enclosure(Proof::probabilistic_lower(1, 1e-4), Proof::probabilistic(2, 1e-5));
  const Enclosure p = condition(x, y);
  EXPECT_EQ(p.lower.failure_probability(), 1e-4);
  EXPECT_DOUBLE_EQ(p.upper->failure_probability(), 1e-3 + 1e-5);
  const Enclosure r = reciprocal(y);
  EXPECT_EQ(r.lower.failure_probability(), 1e-5);
  EXPECT_EQ(r.upper->failure_probability(), 1e-4);
  EXPECT_EQ(scaled(x, 3).upper->failure_probability(), 1e-3);
}

TEST(EnclosureArithmetic, TakesTheBetterEndsAndFindsContradictions) {
  const Enclosure both = tighter(between(1, 4), between(2, 5));
  EXPECT_EQ(both.lower.value(), 2);
  EXPECT_EQ(both.upper->value(), 4);
  EXPECT_THROW(static_cast<void>(tighter(between(1, 2), between(3, 4))), InternalError);
}

TEST(EnclosureArithmetic, AConditionNumberIsAtLeastOne) {
  EXPECT_EQ(condition(between(0.5, 2), between(0.5, 1)).lower.value(), 1);
  EXPECT_GT(condition(between(3, 4), between(2, 2)).lower.value(), 5.9);
}

}  // namespace
}  // namespace sigmax::bounds
