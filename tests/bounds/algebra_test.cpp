// Sums, norms and extremes of enclosures contain the true result, computed in extended precision.
#include "sigmax/bounds/algebra.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/promised.hpp"
#include "sigmax/core/error.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMost = std::numeric_limits<double>::max();

// Relative to the largest, in long double, whose exponents reach far beyond those of double.
long double reference(std::span<const double> x, double p) {
  long double largest = 0;
  for (const double value : x) largest = std::max(largest, std::fabs(static_cast<long double>(value)));
  if (largest == 0 || std::isinf(p)) return largest;
  const auto exponent = static_cast<long double>(p);
  long double sum = 0;
  for (const double value : x) sum += std::pow(std::fabs(static_cast<long double>(value)) / largest, exponent);
  return largest * std::pow(sum, 1 / exponent);
}

// The error of the reference: p roundings of long double in each power, and one in each addition.
long double slack(std::span<const double> x, double p) {
  const long double u = std::numeric_limits<long double>::epsilon();
  return (8 + static_cast<long double>(x.size()) / std::min<long double>(p, 1e6L)) * u;
}

void expect_contains(const Enclosure& e, std::span<const double> x, double p, double width) {
  const long double wanted = reference(x, p);
  ASSERT_TRUE(e.is_proven()) << "p = " << p;
  EXPECT_LE(static_cast<long double>(e.lower.value()), wanted * (1 + slack(x, p))) << "p = " << p;
  EXPECT_GE(static_cast<long double>(e.upper->value()), wanted * (1 - slack(x, p))) << "p = " << p;
  EXPECT_LE(e.relative_width(), width) << "p = " << p << ", " << x.size() << " numbers";
}

const std::vector<double>& powers() {
  static const std::vector<double> all = {1,      1 + 0x1p-52, 1.1,       1.5, 2,    2.5,      3,        7,
                                          100.25, 1e3,         1e6 + 0.5, 1e9, 1e13, 0x1p1000, kInfinity};
  return all;
}

TEST(PNorm, ContainsThatOfExactNumbersForEveryPower) {
  for (const std::int64_t count : {1, 2, 3, 17, 1000}) {
    for (const double unit : {1.0, 0x1p900, 0x1p-900}) {
      std::vector<double> x = gallery::normal(count, 7 + static_cast<std::uint64_t>(count));
      for (double& value : x) value *= unit;
      std::vector<Enclosure> enclosures;
      for (const double value : x) enclosures.push_back(exactly(std::fabs(value)));
      for (const double p : powers()) {
        const double width = tolerance::width_of_p_norm(count, p);
        expect_contains(p_norm(x, p), x, p, width);
        expect_contains(p_norm(enclosures, p), x, p, width);
      }
    }
  }
}

// The norm of equal numbers is n^(1/p) times the number, and this is exact for these.
TEST(PNorm, ContainsExactResults) {
  const std::vector<double> ones(65536, 1.0);
  for (const double p : {1.0, 2.0, 4.0, 8.0, 16.0}) {
    const Enclosure e = p_norm(ones, p);
    EXPECT_LE(e.lower.value(), std::exp2(16 / p));
    EXPECT_GE(e.upper->value(), std::exp2(16 / p));
  }
  const Enclosure five = p_norm(std::vector<double>{3, -4}, 2);
  EXPECT_LE(five.lower.value(), 5);
  EXPECT_GE(five.upper->value(), 5);
}

TEST(PNorm, GrowsByTheWidthOfItsTerms) {
  const std::vector<Enclosure> x = {Proof::enclosure(Proof::lower(1), Proof::proven(2)),
                                    Proof::enclosure(Proof::lower(3), Proof::proven(4))};
  const Enclosure sum = p_norm(x, 1);
  EXPECT_LE(sum.lower.value(), 4);
  EXPECT_GE(sum.lower.value(), 4 * (1 - tolerance::relative(64, 1)));
  EXPECT_GE(sum.upper->value(), 6);
  EXPECT_LE(sum.upper->value(), 6 * (1 + tolerance::relative(64, 1)));
}

TEST(PNorm, OfZerosIsZero) {
  for (const double p : powers()) {
    const Enclosure e = p_norm(std::vector<double>(5, 0.0), p);
    EXPECT_EQ(e.lower.value(), 0);
    EXPECT_EQ(e.upper->value(), 0);
  }
}

TEST(PNorm, OfTinyNumbersHoldsWherePowersUnderflow) {
  const double least = std::numeric_limits<double>::denorm_min();
  for (const double p : powers()) {
    const std::vector<double> x = {1, least, least, 1e-200};
    expect_contains(p_norm(x, p), x, p, tolerance::width_of_p_norm(4, p));
    const std::vector<double> tiny(3, least);
    const Enclosure e = p_norm(tiny, p);
    EXPECT_LE(e.lower.value(), reference(tiny, p)) << p;
    EXPECT_GE(e.upper->value(), reference(tiny, p)) << p;
  }
}

TEST(PNorm, BeyondTheRangeHasALowerEndOnly) {
  for (const double p : {1.0, 1.5, 2.0, 3.0}) {
    const Enclosure e = p_norm(std::vector<double>(9, kMost), p);
    EXPECT_FALSE(e.upper.has_value()) << p;
    EXPECT_GE(e.lower.value(), kMost * (1 - tolerance::relative(512, 1))) << p;
  }
}

TEST(Extremes, AreBetweenTheExtremesOfTheEnds) {
  const std::vector<Enclosure> x = {Proof::enclosure(Proof::lower(1), Proof::proven(5)),
                                    Proof::enclosure(Proof::lower(2), Proof::proven(3)),
                                    Proof::enclosure(Proof::lower(0.5), std::nullopt)};
  EXPECT_EQ(largest(std::span(x).first(2)).lower.value(), 2);
  EXPECT_EQ(largest(std::span(x).first(2)).upper->value(), 5);
  EXPECT_FALSE(largest(x).upper.has_value());
  EXPECT_EQ(smallest(x).lower.value(), 0.5);
  EXPECT_EQ(smallest(x).upper->value(), 3);
}

TEST(Algebra, FailureProbabilitiesAddUpAndEndAtOne) {
  const auto probable = [](double failure) {
    return Proof::enclosure(Proof::lower(1), Proof::probabilistic(2, failure));
  };
  const Enclosure sum = p_norm(std::vector<Enclosure>{probable(0.25), probable(0.5), exactly(1)}, 3);
  EXPECT_EQ(sum.lower.certainty(), Certainty::proven);
  EXPECT_EQ(sum.upper->certainty(), Certainty::probabilistic);
  EXPECT_EQ(sum.upper->failure_probability(), 0.75);
  EXPECT_FALSE(p_norm(std::vector<Enclosure>{probable(0.5), probable(0.5)}, 3).upper.has_value());
  EXPECT_EQ(largest(std::vector<Enclosure>{probable(0.25), probable(0.5)}).upper->failure_probability(), 0.75);

  const Enclosure below = Proof::enclosure(Proof::probabilistic_lower(1, 0.5), Proof::proven(2));
  const Enclosure least = smallest(std::vector<Enclosure>{below, exactly(3)});
  EXPECT_EQ(least.lower.failure_probability(), 0.5);
  EXPECT_EQ(least.upper->value(), 2);
  EXPECT_EQ(smallest(std::vector<Enclosure>{below, below}).lower.value(), 0);
}

TEST(ColumnSums, ContainTheSumsOfEachColumn) {
  const std::vector<double> values = gallery::normal(200 * 7, 3);
  ColumnSums sums(7);
  std::vector<long double> wanted(7, 0.0L);
  for (std::size_t i = 0; i < 200; ++i) {
    sums.add(std::span(values).subspan(i * 7, 7));
    for (std::size_t j = 0; j < 7; ++j) wanted[j] += std::fabs(static_cast<long double>(values[i * 7 + j]));
  }
  const std::vector<Enclosure> found = sums.enclosures();
  ASSERT_EQ(found.size(), 7U);
  for (std::size_t j = 0; j < 7; ++j) {
    EXPECT_TRUE(found[j].is_proven());
    EXPECT_LE(found[j].lower.value(), wanted[j]);
    EXPECT_GE(found[j].upper->value(), wanted[j]);
    EXPECT_LE(found[j].relative_width(), tolerance::relative(512, 1));
  }
}

TEST(Algebra, RefusesWhatHasNoAnswer) {
  EXPECT_THROW(exactly(-1), Error);
  EXPECT_THROW(exactly(kInfinity), Error);
  EXPECT_THROW(exactly(std::nan("")), Error);
  EXPECT_THROW(p_norm(std::vector<Enclosure>{}, 2), Error);
  EXPECT_THROW(p_norm(std::vector<double>{}, 2), Error);
  EXPECT_THROW(p_norm(std::vector<double>{1}, 0.5), Error);
  EXPECT_THROW(p_norm(std::vector<double>{1}, std::nan("")), Error);
  EXPECT_THROW(p_norm(std::vector<double>{1, std::nan("")}, 2), Error);
  EXPECT_THROW(largest({}), Error);
  EXPECT_THROW(smallest({}), Error);
  EXPECT_THROW(ColumnSums(0), Error);
  ColumnSums sums(2);
  EXPECT_THROW(sums.add(std::vector<double>{1}), Error);
  EXPECT_THROW(sums.add(std::vector<double>{1, kInfinity}), Error);
}

// Ends of probability as well as of value.
TEST(Quotient, OfEnclosuresCrossesTheirEnds) {
  const Enclosure two = p_norm(std::vector{exactly(1), exactly(1)}, 1);
  const Enclosure third = quotient(exactly(1), exactly(3));
  EXPECT_LT(third.lower.value(), 1.0 / 3);
  EXPECT_GT(third.upper->value(), 1.0 / 3);
  EXPECT_LE(third.relative_width(), tolerance::width_of_operations(2));
  EXPECT_LE(quotient(two, third).lower.value(), 6);
  EXPECT_GE(quotient(two, third).upper->value(), 6);
  EXPECT_FALSE(quotient(exactly(1), exactly(0)).upper);
  EXPECT_EQ(quotient(exactly(0), exactly(2)).upper->value(), 0);
  EXPECT_FALSE(quotient(exactly(kMost), exactly(0.5)).upper);
  const Enclosure likely = Proof::enclosure(Proof::lower(1), Proof::probabilistic(2, 1e-3));
  EXPECT_EQ(quotient(likely, likely).upper->failure_probability(), 1e-3);
  EXPECT_EQ(quotient(likely, likely).lower.failure_probability(), 1e-3);
  EXPECT_FALSE(quotient(exactly(1), Proof::enclosure(Proof::lower(1), std::nullopt)).lower.value() > 0);
}

TEST(Square, ContainsTheSquare) {
  for (const double x : {0.0, 0.1, 3.0, 1e150, 1e-170}) {
    const Enclosure e = square(exactly(x));
    EXPECT_LE(static_cast<long double>(e.lower.value()), static_cast<long double>(x) * x);
    EXPECT_GE(static_cast<long double>(e.upper->value()), static_cast<long double>(x) * x);
  }
  EXPECT_FALSE(square(exactly(1e200)).upper);
  EXPECT_EQ(square(exactly(0)).upper->value(), 0);
}

TEST(Monotone, TakesTheFunctionOfTheEnds) {
  const std::vector<Enclosure> x{Proof::enclosure(Proof::lower(1), Proof::proven(2)), exactly(3)};
  const auto sum = [](std::span<const double> v) { return v[0] + v[1]; };
  constexpr double kError = 0x1p-50;
  const Enclosure e = monotone(x, sum, kError);
  const double outward = 2 * kError + tolerance::width_of_operations(2);
  EXPECT_LE(e.lower.value(), 4);
  EXPECT_GE(e.lower.value(), 4 * (1 - outward));
  EXPECT_GE(e.upper->value(), 5);
  EXPECT_LE(e.upper->value(), 5 * (1 + outward));
  const auto falling = [](std::span<const double> v) { return 1 / v[0]; };
  EXPECT_THROW(static_cast<void>(monotone(x, falling, 0x1p-50)), Error);
  EXPECT_THROW(static_cast<void>(monotone(x, sum, 1)), Error);
  EXPECT_THROW(static_cast<void>(monotone({}, sum, 0)), Error);
  const std::vector<Enclosure> open{Proof::enclosure(Proof::lower(1), std::nullopt), exactly(3)};
  EXPECT_FALSE(monotone(open, sum, 0).upper);
}

TEST(Between, TakesTheOuterEnds) {
  const Enclosure e = between(exactly(1), exactly(2));
  EXPECT_EQ(e.lower.value(), 1);
  EXPECT_EQ(e.upper->value(), 2);
}

}  // namespace
}  // namespace sigmax::bounds
