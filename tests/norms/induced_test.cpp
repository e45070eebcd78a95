// Induced norms whose values are known: golden values, closed forms, brute force.
#include "sigmax/norms/induced.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gallery/stored.hpp"
#include "norms/induced_cases.hpp"

namespace sigmax::norms {
namespace {

using bounds::InducedProof;

const std::vector<double> kM{1, 2, -3, 4};
const std::vector<double> kN{1, 2, 3, 4};
const std::vector<double> kH{1, 1, 1, -1};

void expect_value(const InducedNorm& found, double wanted, double allowed, const std::string& what) {
  EXPECT_TRUE(found.enclosure.is_proven()) << what;
  EXPECT_NEAR(found.value, wanted, allowed) << what;
  EXPECT_LE(found.enclosure.lower.value(), wanted + allowed) << what;
  EXPECT_GE(found.enclosure.lower.value(), wanted - allowed) << what;
  ASSERT_TRUE(found.enclosure.upper.has_value()) << what;
  EXPECT_GE(found.enclosure.upper->value(), wanted - allowed) << what;
}

struct Golden {
  Exponents e;
  double value;
};

void expect_golden(const std::vector<double>& a, const std::vector<Golden>& cases) {
  for (const Golden& wanted : cases) {
    expect_value(induced(a, 2, 2, wanted.e), wanted.value, rounding(2, 2, wanted.value), named(wanted.e));
  }
}

// By mpmath with 40 digits, as maxima over the circle.
TEST(InducedNorm, OfATwoByTwoMatrixIsTheGoldenValue) {
  expect_golden(kM, {{{1, 2}, std::sqrt(20.0)},
                     {{2, kInfinity}, 5},
                     {{2, 1}, std::sqrt(40.0)},
                     {{kInfinity, 2}, std::sqrt(50.0)},
                     {{kInfinity, 1}, 8},
                     {{2, 2}, 5.11667273601692729},
                     {{3, 3}, 5.59389001975171},
                     {{4, 4}, 5.90734974514220},
                     {{1.5, 1.5}, 5.02752302304442},
                     {{3, 1.5}, 5.88662762493881},
                     {{4, 4.0 / 3}, 6.34179127144663},
                     {{2, 4}, 5.00202482984084}});
  expect_golden(kN, {{{3, 3}, 5.73310952481449},
                     {{4, 2}, 6.43591722904519},
                     {{3, 1.5}, 6.60762695777508},
                     {{kInfinity, 2}, std::sqrt(58.0)}});
  expect_golden(kH, {{{3, 3}, std::cbrt(4.0)}, {{kInfinity, 1}, 2}, {{4, 4.0 / 3}, std::sqrt(3.0)}});
  const std::vector<double> sylvester{1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1};
  expect_value(induced(sylvester, 4, 4, {kInfinity, 1}), 8, rounding(4, 4, 8), "inf -> 1");
  expect_value(induced(sylvester, 4, 4, {2, 1}), 4, rounding(4, 4, 4), "2 -> 1");
}

// No certificate is below the relaxation's optimum.
TEST(InducedNorm, HasTheSemidefiniteBoundAsUpperEnd) {
  const auto expect_relaxation = [](const std::vector<double>& a, double value) {
    const InducedNorm found = induced(a, 2, 2, {kInfinity, 1});
    EXPECT_EQ(found.proof, InducedProof::scaling);
    EXPECT_GE(found.enclosure.upper->value(), value * (1 - tolerance::relative(512, 2)));
    EXPECT_LE(found.enclosure.upper->value(), value * (1 + kRelaxation));
  };
  expect_relaxation(kM, std::sqrt(385.0 / 6));
  expect_relaxation(kH, 2 * std::sqrt(2.0));
}

TEST(InducedNorm, OfRankOneIsTheProductOfTwoNorms) {
  const std::vector<double> u{3, -1, 0.5, 2};
  const std::vector<double> v{1, -2, 4};
  std::vector<double> a;
  for (const double x : u) {
    for (const double y : v) a.push_back(x * y);
  }
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(a, 4, 3, e);
    const double wanted = norm_of(u, e.q) * norm_of(v, conjugate(e.p));
    expect_value(found, wanted, rounding(4, 3, wanted), named(e));
    // The Collatz quotient of a matrix that is nonnegative up to signs of rows and columns is tight.
    if (e.p >= e.q) {
      EXPECT_LE(found.enclosure.upper->value(), wanted * (1 + kClosed)) << named(e);
    }
  }
}

TEST(InducedNorm, OfADiagonalMatrixIsANormOfItsEntries) {
  const std::vector<double> d{3, -1, 0.5, 2};
  std::vector<double> a(16, 0.0);
  for (std::size_t i = 0; i < 4; ++i) a[5 * i] = d[i];
  for (const Exponents& e : kExponents) {
    const InducedNorm found = induced(a, 4, 4, e);
    const double r = e.p > e.q ? 1 / (1 / e.q - 1 / e.p) : kInfinity;
    const double wanted = norm_of(d, r);
    expect_value(found, wanted, rounding(4, 4, wanted), named(e));
    EXPECT_LE(found.enclosure.upper->value(), wanted * (1 + kClosed)) << named(e) << message(found.proof);
  }
}

TEST(InducedNorm, OfANonnegativeMatrixIsClosedByTheCollatzQuotient) {
  std::vector<double> a = gallery::normal(30 * 20, 41);
  for (double& value : a) value = std::fabs(value);
  for (const Exponents& e : kExponents) {
    if (e.p < e.q || e.p == 1 || std::isinf(e.q) || (e.p == 2 && e.q == 2)) continue;
    const InducedNorm found = induced(a, 30, 20, e);
    EXPECT_EQ(found.proof, InducedProof::collatz) << named(e);
    EXPECT_TRUE(found.enclosure.is_proven()) << named(e);
    EXPECT_LE(found.enclosure.relative_width(), kClosed) << named(e);
    EXPECT_GT(*std::min_element(found.x.begin(), found.x.end()), 0) << named(e);
  }
}

// max over all signs x of |A x|_q, which is the norm from infinity to q, since it is a maximum of a convex function.
double over_signs(const std::vector<double>& a, std::int64_t rows, std::int64_t columns, double q) {
  double best = 0;
  for (std::int64_t bits = 0; bits < (std::int64_t{1} << (columns - 1)); ++bits) {
    std::vector<double> x(static_cast<std::size_t>(columns));
    for (std::int64_t j = 0; j < columns; ++j) x[static_cast<std::size_t>(j)] = ((bits >> j) & 1) != 0 ? -1 : 1;
    best = std::max(best, norm_of(product(a, rows, columns, x), q));
  }
  return best;
}

TEST(InducedNorm, FromInfinityContainsTheMaximumOverAllSigns) {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{6, 9}, {12, 4}, {1, 7}, {8, 1}, {10, 10}}) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const std::vector<double> a = gallery::normal(rows * columns, seed);
      for (const double q : {1.0, 1.5, 2.0, 3.0}) {
        const std::string what = fmt::format("inf -> {} of {}x{}, seed {}", q, rows, columns, seed);
        const InducedNorm found = induced(a, rows, columns, {kInfinity, q});
        const double wanted = over_signs(a, rows, columns, q);
        EXPECT_TRUE(found.enclosure.is_proven()) << what;
        EXPECT_LE(found.enclosure.lower.value(), wanted + rounding(rows, columns, wanted)) << what;
        EXPECT_GE(found.enclosure.upper->value(), wanted - rounding(rows, columns, wanted)) << what;
        // Sixteen starts find the maximum of matrices this small.
        EXPECT_NEAR(found.value, wanted, rounding(rows, columns, wanted)) << what;
        // Krivine's bound of Grothendieck's constant, and the square root of pi / 2.
        const double krivine = M_PI / (2 * std::log(1 + std::sqrt(2.0)));
        const double ratio = q == 1 ? krivine : (q == 2 ? std::sqrt(M_PI / 2) : kInfinity);
        EXPECT_LE(found.enclosure.upper->value(), ratio * wanted * (1 + kRelaxation)) << what;
      }
    }
  }
}

}  // namespace
}  // namespace sigmax::norms
