// Products and sums with a bound of each entry's rounding: against integers and extended precision.
#include "sigmax/bounds/uncertain_matrix.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <tuple>
#include <utility>

#include "support/networks.hpp"

namespace sigmax::bounds {
namespace {

/// A value in the middle of a or at one end of its errors.
long double drawn(const UncertainMatrix& a, std::int64_t i, std::int64_t j, std::uint64_t seed) {
  const long double way = static_cast<int>((seed + 7 * static_cast<std::uint64_t>(i + 3 * j)) % 3) - 1;
  return a.value(i, j) + way * (a.is_exact() ? 0 : a.error(i, j));
}

void expect_holds(const UncertainMatrix& product, const UncertainMatrix& a, const UncertainMatrix& b) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    for (std::int64_t i = 0; i < a.value.rows(); ++i) {
      for (std::int64_t j = 0; j < b.value.columns(); ++j) {
        long double sum = 0;
        long double sizes = 0;
        for (std::int64_t k = 0; k < a.value.columns(); ++k) {
          const long double term = drawn(a, i, k, seed) * drawn(b, k, j, seed + 1);
          sum += term;
          sizes += std::fabs(term);
        }
        const long double error = product.is_exact() ? 0 : product.error(i, j);
        // The reference is wrong by at most 2^-60 of the sizes of its terms.
        ASSERT_LE(std::fabs(sum - product.value(i, j)), error + sizes * 0x1p-60L) << i << " " << j;
      }
    }
  }
}

UncertainMatrix with_errors(Matrix<double> value, std::uint64_t seed, double relative) {
  UncertainMatrix a{std::move(value)};
  if (relative == 0) return a;
  a.error = networks::weight(a.value.rows(), a.value.columns(), seed);
  for (double& e : a.error.values()) e = std::fabs(e) * relative;
  return a;
}

TEST(UncertainMatrix, ProductHoldsEveryProduct) {
  Context context(2);
  for (const double relative : {0.0, 1e-15, 1e-3, 3.0}) {
    for (const auto& [m, k, n] : {std::tuple{3, 40, 5}, {1, 7, 1}, {6, 1, 4}, {9, 9, 9}}) {
      for (const double unit : {1.0, 0x1p-300, 0x1p440}) {
        UncertainMatrix a = with_errors(networks::weight(m, k, 1), 2, relative);
        UncertainMatrix b = with_errors(networks::weight(k, n, 3), 4, 2 * relative);
        for (double& x : a.value.values()) x *= unit;
        for (double& x : a.error.values()) x *= unit;
        for (std::int64_t i = 0; i < k; ++i) b.value(i, 0) = 0;  // a column of zeros, with errors
        const auto c = product(a, b, context);
        ASSERT_TRUE(c);
        expect_holds(*c, a, b);
        if (relative == 0) {
          EXPECT_TRUE(is_within(*c, 1e-13));
        }
      }
    }
  }
}

TEST(UncertainMatrix, ProductWithADiagonalIsExactWhereItIs) {
  Context context(1);
  Matrix<double> d(4, 4);
  for (std::int64_t i = 0; i < 4; ++i) d(i, i) = i == 2 ? 0 : 0.5;
  const UncertainMatrix a{networks::weight(6, 4, 5)};
  EXPECT_TRUE(product(a, {d}, context)->is_exact());
  d(0, 0) = 0.1;
  d(1, 1) = 1e-200;
  const auto c = product(a, {d}, context);
  ASSERT_TRUE(c && !c->is_exact());
  expect_holds(*c, a, {d});
  for (std::int64_t i = 0; i < 6; ++i) {
    EXPECT_LE(c->error(i, 0), 0x1p-53 * std::fabs(c->value(i, 0)));
    EXPECT_EQ(c->error(i, 2), 0);
    EXPECT_EQ(c->error(i, 3), 0);
  }
}

TEST(UncertainMatrix, ProductBeyondTheRangeIsNone) {
  Context context(1);
  UncertainMatrix large{networks::weight(3, 3, 6)};
  for (double& x : large.value.values()) x *= 0x1p600;
  EXPECT_FALSE(product(large, large, context));
  UncertainMatrix small{networks::weight(3, 3, 7)};
  for (double& x : small.value.values()) x *= 0x1p-600;
  EXPECT_FALSE(product(small, small, context));
  Matrix<double> huge(2, 2);
  huge(0, 1) = 0x1.8p1023;
  EXPECT_FALSE(sum({huge}, {huge}));
}

TEST(UncertainMatrix, SumHasTheRoundingThatHappened) {
  Matrix<double> a(1, 3);
  Matrix<double> b(1, 3);
  a(0, 0) = 1;
  b(0, 0) = 0x1p-60;
  a(0, 1) = 3;
  b(0, 1) = -2.5;
  const auto c = sum({a}, {b});
  ASSERT_TRUE(c && !c->is_exact());
  EXPECT_GE(c->error(0, 0), 0x1p-60);
  EXPECT_LE(c->error(0, 0), 0x1.01p-60);
  EXPECT_EQ(c->error(0, 1), 0);
  EXPECT_EQ(c->error(0, 2), 0);
  EXPECT_TRUE(sum({a}, {a})->is_exact());
  const auto widened = with_relative_error({a}, 0.25);
  EXPECT_GE(widened.error(0, 1), 0.75);
  EXPECT_EQ(widened.error(0, 2), 0);
  EXPECT_TRUE(is_within(widened, 0.2501));
  EXPECT_FALSE(is_within(widened, 0.2499));
}

}  // namespace
}  // namespace sigmax::bounds
