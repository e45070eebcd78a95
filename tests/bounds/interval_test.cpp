// Arithmetic of enclosures contains the exact result; Mirsky's intervals contain every admissible value and are sharp.
#include "sigmax/bounds/interval.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/core/error.hpp"
#include "support/enclosure.hpp"
#include "tolerance.hpp"

namespace sigmax::bounds {
namespace {

using support::expect_contains;

Enclosure between(double lower, double upper) { return Proof::enclosure(Proof::lower(lower), Proof::proven(upper)); }

constexpr double kWidth = tolerance::kOutward;

TEST(Interval, ContainsTheExactResultOfEachOperation) {
  const std::vector<double> numbers = gallery::normal(200, 17);
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
    for (const double unit : {1e-300, 1e-150, 1.0, 1e150, 1e300}) {
      const double a = std::fabs(numbers[i]) * unit;
      const double b = std::fabs(numbers[i + 1]) * unit;
      const long double x = a;
      const long double y = b;
      expect_contains(sum(exactly(a), exactly(b)), x + y);
      expect_contains(difference(exactly(a), exactly(b)), std::max(0.0L, x - y));
      expect_contains(quotient(exactly(a), exactly(b)), x / y);
      expect_contains(square_root(exactly(a)), std::sqrt(x));
      EXPECT_LE(quotient(exactly(a), exactly(b)).relative_width(), kWidth);
      if (unit == 1) expect_contains(product(exactly(a), exactly(b)), x * y);
    }
  }
}

TEST(Interval, KeepsZeroAndLosesAnUpperEndThatCannotBeKnown) {
  const Enclosure zero = exactly(0);
  const Enclosure open = Proof::enclosure(Proof::lower(2), std::nullopt);
  EXPECT_EQ(product(zero, exactly(3)).upper->value(), 0);
  EXPECT_FALSE(sum(zero, open).upper.has_value());
  EXPECT_FALSE(quotient(exactly(1), zero).upper.has_value());
  EXPECT_FALSE(quotient(zero, zero).upper.has_value());
  EXPECT_EQ(quotient(exactly(1), open).lower.value(), 0);
  EXPECT_EQ(difference(exactly(1), open).upper->value(), 0);
  EXPECT_FALSE(at_most(std::numeric_limits<double>::infinity()).upper.has_value());
  EXPECT_FALSE(product(exactly(1e200), exactly(1e200)).upper.has_value());
  EXPECT_THROW(at_most(-1), Error);
  EXPECT_THROW(at_most(std::nan("")), Error);
}

TEST(Interval, AddsFailureProbabilities) {
  const Enclosure a = Proof::enclosure(Proof::lower(1), Proof::probabilistic(2, 1e-3));
  const Enclosure b = Proof::enclosure(Proof::lower(3), Proof::probabilistic(4, 1e-4));
  const Enclosure both = product(a, b);
  EXPECT_EQ(both.lower.certainty(), Certainty::proven);
  EXPECT_DOUBLE_EQ(both.upper->failure_probability(), 1e-3 + 1e-4);
  EXPECT_EQ(quotient(a, b).lower.certainty(), Certainty::probabilistic);
}

TEST(Mirsky, NarrowsAClusterByTheRootOfItsSize) {
  const std::vector<Enclosure> four(4, exactly(1));
  const std::vector<Enclosure> found = mirsky(four, at_most(1));
  // To raise the first value alone is possible by 1, to raise all four by 1/2 each.
  EXPECT_NEAR(found[0].upper->value(), 2, kWidth);
  EXPECT_NEAR(found[3].upper->value(), 1.5, kWidth);
  EXPECT_NEAR(found[0].lower.value(), 0.5, kWidth);
  EXPECT_NEAR(found[3].lower.value(), 0, kWidth);
  EXPECT_NEAR(found[1].upper->value(), 1 + 1 / std::sqrt(2.0), kWidth);
}

// t is s with values raised or lowered, of exactly the given distance, and sorted.
TEST(Mirsky, ContainsEveryAdmissibleSpectrum) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    for (const double unit : {1e-290, 1.0, 1e290}) {
      const std::vector<double> noise = gallery::normal(16, seed);
      std::vector<double> s;
      for (int i = 0; i < 8; ++i) s.push_back(unit * std::fabs(std::round(4 * noise[static_cast<std::size_t>(i)]) / 4));
      std::ranges::sort(s, std::greater<>{});
      std::vector<double> t = s;
      for (int i = 0; i < 8; ++i) {
        double& value = t[static_cast<std::size_t>(i)];
        value = std::fabs(value + unit * 0.3 * noise[static_cast<std::size_t>(8 + i)]);
      }
      std::ranges::sort(t, std::greater<>{});
      long double square = 0;
      for (std::size_t i = 0; i < 8; ++i) {
        const long double d = (static_cast<long double>(t[i]) - s[i]) / unit;
        square += d * d;
      }
      const auto size = static_cast<double>(std::sqrt(square) * (1 + 1e-15L)) * unit;
      std::vector<Enclosure> of_s;
      for (const double value : s) of_s.push_back(between(value * (1 - 1e-12), value * (1 + 1e-12)));
      for (const std::size_t known : {8, 3, 1}) {
        const std::vector<Enclosure> first(of_s.begin(), of_s.begin() + static_cast<std::ptrdiff_t>(known));
        const std::vector<Enclosure> found = mirsky(first, at_most(size));
        for (std::size_t i = 0; i < known; ++i) expect_contains(found[i], t[i]);
      }
    }
  }
}

TEST(Mirsky, IsAttained) {
  const std::vector<double> s{5, 4.9, 4.5, 2, 1.9, 1};
  std::vector<Enclosure> of_s;
  for (const double value : s) of_s.push_back(exactly(value));
  for (const double size : {0.1, 0.5, 2.0}) {
    const std::vector<Enclosure> found = mirsky(of_s, at_most(size));
    for (std::size_t i = 0; i < s.size(); ++i) {
      // All values that the upper end x has passed are raised to it: that uses up the size exactly.
      const double x = found[i].upper->value();
      double square = 0;
      for (std::size_t j = 0; j <= i; ++j) square += std::pow(std::max(0.0, x - s[j]), 2);
      EXPECT_NEAR(std::sqrt(square), size, kWidth);
      const double y = found[i].lower.value();
      square = 0;
      for (std::size_t j = i; j < s.size(); ++j) square += std::pow(std::max(0.0, s[j] - y), 2);
      if (y > 0) {
        EXPECT_NEAR(std::sqrt(square), size, kWidth);
      }
    }
  }
}

}  // namespace
}  // namespace sigmax::bounds
