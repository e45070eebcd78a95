// The hunt for a false slope or value of a function of one number: random expressions on random domains, against
// difference quotients and values in long double. `make hunt`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "hunt/budget.hpp"
#include "hunt/random_expression.hpp"
#include "sigmax/graph/scalar/expression_function.hpp"

namespace sigmax {
namespace {

using graph::Interval;

/// Points of a domain, as far as double goes, with the places where kinks and singularities are likely.
std::vector<double> points_of(const Interval& domain, hunt::ExpressionMaker& maker) {
  const double least = std::max(domain.least, -1e4);
  const double greatest = std::min(domain.greatest, 1e4);
  std::vector<double> points = {least, greatest};
  for (int i = 0; i < 40; ++i) {
    points.push_back(maker.uniform(least, greatest));
    points.push_back(maker.uniform(std::max(least, -4.0), std::max(std::min(greatest, 4.0), std::max(least, -4.0))));
    const double size = std::exp2(maker.uniform(-20, 13)) * (maker.pick(2) == 0 ? 1 : -1);
    points.push_back(size);
  }
  for (int i = -8; i <= 8; ++i) points.push_back(i / 2.0);
  std::erase_if(points, [&](double x) { return !(x >= domain.least && x <= domain.greatest); });
  std::sort(points.begin(), points.end());
  return points;
}

Interval domain_of(hunt::ExpressionMaker& maker) {
  const int kind = maker.pick(6);
  if (kind == 0) return {};
  const double a = maker.pick(2) == 0 ? maker.number() : maker.uniform(-20, 20);
  if (kind == 1) return {a, kInfinity};
  if (kind == 2) return {-kInfinity, a};
  const double b = a + (kind == 3 ? std::exp2(maker.uniform(-12, 0)) : maker.uniform(0, 30));
  return {a, b};
}

struct Tally {
  std::int64_t proven = 0;
  std::int64_t none = 0;
};

/// Checks values and quotients of points next to each other and far apart.
void check(std::uint64_t seed, Tally& tally) {
  hunt::ExpressionMaker maker(seed);
  const graph::Expression expression = maker.expression(2 + maker.pick(7));
  const graph::Function f = graph::function_of(expression);
  for (int i = 0; i < 4; ++i) {
    const Interval domain = domain_of(maker);
    const auto slopes = f->slopes(domain);
    const Interval range = f->range(domain);
    ++(slopes ? tally.proven : tally.none);
    const std::vector<double> points = points_of(domain, maker);
    const auto where = [&] {
      return fmt::format("{}: {} on [{}, {}], slopes [{}, {}], range [{}, {}]", hunt::rerun(seed), expression.text(),
                         domain.least, domain.greatest, slopes ? slopes->least : 0.0, slopes ? slopes->greatest : 0.0,
                         range.least, range.greatest);
    };
    std::vector<long double> values;
    for (const double x : points) values.push_back(hunt::long_value(expression, x));
    for (std::size_t p = 0; p < points.size(); ++p) {
      const long double v = values[p];
      // Expressions of this size lose a few bits; cancellation loses more, and is bounded by the sizes it has met.
      const long double fuzz = 1e-14L * (1 + std::fabs(v));
      if (!std::isfinite(v)) {
        // Beyond the range of long double nothing is claimed by it; where it is not defined, there are no slopes.
        ASSERT_FALSE(std::isnan(v) && slopes) << where() << fmt::format("\nnot a number at {}", points[p]);
        continue;
      }
      ASSERT_GE(v, range.least - fuzz) << where() << fmt::format("\nat {}", points[p]);
      ASSERT_LE(v, range.greatest + fuzz) << where() << fmt::format("\nat {}", points[p]);
      if (!slopes) continue;
      for (const std::size_t q : {p + 1, p + 2, p + 7, points.size() - 1 - p}) {
        if (q >= points.size() || !(points[q] != points[p]) || !std::isfinite(values[q])) continue;
        const long double distance = std::fabs(static_cast<long double>(points[q]) - points[p]);
        const long double quotient = (values[q] - v) / (static_cast<long double>(points[q]) - points[p]);
        const long double loose = 1e-15L * (1 + std::fabs(v) + std::fabs(values[q])) / distance;
        ASSERT_GE(quotient, slopes->least - loose) << where() << fmt::format("\n{} and {}", points[p], points[q]);
        ASSERT_LE(quotient, slopes->greatest + loose) << where() << fmt::format("\n{} and {}", points[p], points[q]);
      }
    }
  }
}

TEST(HuntScalarFunctions, NoSlopeOrValueIsOutside) {
  Tally tally;
  const std::int64_t count = hunt::budget(100);
  for (std::int64_t i = 0; i < count; ++i) {
    check(hunt::seed_of(i), tally);
    if (testing::Test::HasFatalFailure()) return;
  }
  std::printf("%lld domains with slopes, %lld without\n", static_cast<long long>(tally.proven),
              static_cast<long long>(tally.none));
  // A third of the domains has slopes; a hunt in which hardly any has hunts nothing.
  EXPECT_TRUE(count < 100 || tally.proven > tally.none / 4);
}

}  // namespace
}  // namespace sigmax
