// Weak duality with answers and duals that no algorithm made: the enclosures are true all the same.
#include "sigmax/bounds/duality.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {
namespace {

// Random numbers of random size, now and then zero.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : random_(seed) {}
  double operator()(int spread) {
    if (random_() % 16 == 0) return 0;
    const double mantissa = std::uniform_real_distribution<double>(-1, 1)(random_);
    return spread == 0 ? mantissa : std::ldexp(mantissa, static_cast<int>(random_() % (2 * spread)) - spread);
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

 private:
  std::mt19937_64 random_;
};

struct Guess {
  Matrix<double> u;
  std::vector<double> sigma;
  Matrix<double> v;
  Factors view() const { return {u.view(), sigma, v.view()}; }
};

Guess guess(std::int64_t rows, std::int64_t columns, std::int64_t rank, int spread, Numbers& number) {
  Guess x{Matrix<double>(rows, rank), std::vector<double>(static_cast<std::size_t>(rank)),
          Matrix<double>(columns, rank)};
  for (double& value : x.u.values()) value = number(spread);
  for (double& value : x.sigma) value = number(spread);
  for (double& value : x.v.values()) value = number(spread);
  return x;
}

void expect_contains(const Optimum& found, long double truth) {
  // The truth is evaluated in long double.
  const long double error = 0x1p-55L * truth;
  ASSERT_LE(static_cast<long double>(found.value.lower.value()), truth + error);
  if (found.value.upper) {
    ASSERT_GE(static_cast<long double>(found.value.upper->value()), truth - error);
  }
}

// A row m: the norm is |m|_2, and 1/2 |m - x|^2 + lambda |x|_2 is least at m shrunk by lambda.
TEST(Duality, IsTrueForAnyGuessOfARow) {
  Numbers number(3);
  Context context(1);
  for (int i = 0; i < 1500; ++i) {
    const auto n = static_cast<std::int64_t>(1 + number.below(6));
    const int spread = std::array{0, 3, 30}[number.below(3)];
    std::vector<std::int64_t> row;
    std::vector<std::int64_t> column;
    std::vector<double> values;
    long double square = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      if (number.below(3) == 0) continue;
      row.push_back(0);
      column.push_back(j);
      values.push_back(number(spread));
      square += static_cast<long double>(values.back()) * values.back();
    }
    const long double norm = std::sqrt(square);
    const SparseMatrix m({1, n}, row, column, values);
    Guess x = guess(1, n, static_cast<std::int64_t>(number.below(3)), spread, number);
    std::vector<double> y;
    // Good guesses too, for which the ends meet.
    const bool is_good = number.below(3) == 0;
    for (const double value : values) y.push_back(is_good ? value : number(spread));
    const double lambda = std::ldexp(1.3, static_cast<int>(number.below(8)) - 4);
    const auto options = repeatable<CertifyOptions>();
    const Optimum exact = completion_optimum(m, x.view(), y, 0, options, context);
    ASSERT_NO_FATAL_FAILURE(expect_contains(exact, norm)) << i;
    if (is_good && norm > 0) {
      ASSERT_GE(exact.value.lower.value(), static_cast<double>(norm) * (1 - 1e-12));
    }
    const long double least =
        norm <= lambda ? square / 2 : lambda * norm - static_cast<long double>(lambda) * lambda / 2;
    ASSERT_NO_FATAL_FAILURE(expect_contains(least_squares_optimum(m, lambda, x.view(), y, 0, options, context), least));
  }
}

// A number m: min(1, lambda) |m|. A diagonal matrix with lambda >= 1: the sum of the magnitudes.
TEST(Duality, IsTrueForAnyGuessOfARobustSplit) {
  Numbers number(4);
  Context context(1);
  for (int i = 0; i < 1500; ++i) {
    const auto n = static_cast<std::int64_t>(1 + number.below(4));
    const int spread = std::array{0, 3, 30}[number.below(3)];
    const double lambda = n == 1 ? std::ldexp(1.3, static_cast<int>(number.below(8)) - 6) : 1 + std::fabs(number(0));
    Matrix<double> m(n, n);
    long double sum = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      m(j, j) = number(spread);
      sum += std::fabs(m(j, j));
    }
    if (n == 1) sum *= std::min(1.0, lambda);
    const Guess l = guess(n, n, static_cast<std::int64_t>(number.below(3)), spread, number);
    Matrix<double> y(n, n);
    const bool is_good = number.below(3) == 0;
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t k = 0; k < n; ++k) y(k, j) = is_good ? 0 : number(spread);
      if (is_good && m(j, j) != 0) y(j, j) = std::copysign(2.5, m(j, j));
    }
    const Optimum found =
        robust_pca_optimum(m.view(), lambda, l.view(), y.view(), 0, repeatable<CertifyOptions>(), context);
    ASSERT_NO_FATAL_FAILURE(expect_contains(found, sum)) << i;
    if (is_good && sum > 0) {
      ASSERT_GE(found.value.lower.value(), static_cast<double>(sum) * (1 - 1e-12));
    }
  }
}

// The optimum of [[1, 2], [2, ?]] is 4, at X = [[1, 2], [2, 1]] with the dual [[0, 1/2], [1/2, 0]] 2.
TEST(Duality, IsExactExceptForRoundingAtTheAnswer) {
  // Each step moves its end outward by 2^-46 or 2^-49, and there are fewer than 32 of them in sequence.
  constexpr double kRounding = 32 * 0x1p-46;
  Context context(1);
  const SparseMatrix m({2, 2}, std::vector<std::int64_t>{0, 0, 1}, std::vector<std::int64_t>{0, 1, 0},
                       std::vector<double>{1, 2, 2});
  const double h = std::sqrt(0.5);
  Guess x{Matrix<double>(2, 2), {3, -1}, Matrix<double>(2, 2)};
  x.u(0, 0) = x.u(1, 0) = x.u(0, 1) = h;
  x.u(1, 1) = -h;
  x.v = x.u;
  const std::vector<double> y{0, 1, 1};
  for (const int exponent : {0, 5, -900, 900}) {
    const Optimum found = completion_optimum(m, x.view(), y, exponent, repeatable<CertifyOptions>(), context);
    ASSERT_TRUE(found.value.is_proven());
    EXPECT_LE(found.relative_gap, kRounding);
    EXPECT_LE(found.value.lower.value(), std::ldexp(4, exponent));
    EXPECT_GE(found.value.upper->value(), std::ldexp(4, exponent));
  }
  // 2^2000 is out of range: no upper end, and the largest double below.
  const Optimum beyond = completion_optimum(m, x.view(), y, 2000, repeatable<CertifyOptions>(), context);
  EXPECT_FALSE(beyond.value.upper.has_value());
  EXPECT_LE(beyond.relative_gap, kRounding);
}

// Numbers that are not of ordinary size, or no numbers: the end that they should give is missing.
TEST(Duality, GivesNoEndByNumbersOutOfRange) {
  Context context(1);
  const SparseMatrix m({1, 1}, std::vector<std::int64_t>{0}, std::vector<std::int64_t>{0}, std::vector<double>{1});
  for (const double bad : {1e300, HUGE_VAL, std::nan("")}) {
    Guess x{Matrix<double>(1, 1), {1}, Matrix<double>(1, 1)};
    x.u(0, 0) = bad;
    x.v(0, 0) = 1;
    const Optimum found = completion_optimum(m, x.view(), std::vector<double>{bad}, 0, {}, context);
    EXPECT_FALSE(found.value.upper.has_value());
    EXPECT_EQ(found.value.lower.value(), 0);
    EXPECT_TRUE(std::isinf(found.relative_gap));
  }
}

TEST(Duality, RefusesWhatDoesNotFit) {
  Context context(1);
  const SparseMatrix m({1, 1}, std::vector<std::int64_t>{0}, std::vector<std::int64_t>{0}, std::vector<double>{1});
  const Guess x{Matrix<double>(1, 1), {1}, Matrix<double>(1, 1)};
  const Guess other{Matrix<double>(2, 1), {1}, Matrix<double>(1, 1)};
  const std::vector<double> y{1};
  EXPECT_THROW(completion_optimum(m, other.view(), y, 0, {}, context), Error);
  EXPECT_THROW(completion_optimum(m, x.view(), {}, 0, {}, context), Error);
  EXPECT_THROW(least_squares_optimum(m, 0, x.view(), y, 0, {}, context), Error);
  const Matrix<double> one(1, 1);
  const Matrix<double> two(1, 2);
  EXPECT_THROW(robust_pca_optimum(one.view(), 0.5, x.view(), two.view(), 0, {}, context), Error);
}

}  // namespace
}  // namespace sigmax::bounds
