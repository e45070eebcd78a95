#include "sigmax/linalg/cholesky.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace sigmax {
namespace {

std::vector<double> random_gram(std::int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> x(size * 4);
  for (double& value : x) value = normal(random);
  std::vector<double> a(size * size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      double sum = i == j ? 1.0 : 0.0;
      for (std::size_t k = 0; k < 4; ++k) sum += x[i * 4 + k] * x[j * 4 + k];
      a[i + j * size] = sum;
    }
  }
  return a;
}

class CholeskyOrders : public testing::TestWithParam<std::int64_t> {};

TEST_P(CholeskyOrders, FactorReproducesTheMatrixWithinTheStatedError) {
  const std::int64_t n = GetParam();
  const auto size = static_cast<std::size_t>(n);
  const std::vector<double> a = random_gram(n, 3);
  std::vector<double> l = a;
  Context context(2);
  ASSERT_TRUE(cholesky(l.data(), n, context));
  std::mt19937 random(5);
  std::uniform_int_distribution<std::size_t> pick(0, size - 1);
  for (int check = 0; check < 500; ++check) {
    const std::size_t i = pick(random);
    const std::size_t j = std::min(i, pick(random));
    long double sum = 0, norm_i = 0, norm_j = 0;
    for (std::size_t k = 0; k < size; ++k) {
      const long double left = k <= i ? l[i + k * size] : 0;
      const long double right = k <= j ? l[j + k * size] : 0;
      sum += left * right;
      norm_i += left * left;
      norm_j += right * right;
    }
    const long double bound = static_cast<long double>(j + 5) * 0x1p-53L * std::sqrt(norm_i * norm_j);
    EXPECT_LE(std::fabs(sum - static_cast<long double>(a[i + j * size])), bound) << n << " at " << i << "," << j;
  }
}

TEST_P(CholeskyOrders, RefusesAMatrixWithOneNegativeEigenvalue) {
  const std::int64_t n = GetParam();
  const auto size = static_cast<std::size_t>(n);
  for (const std::size_t where : {std::size_t{0}, size / 2, size - 1}) {
    std::vector<double> a(size * size, 0.0);
    for (std::size_t i = 0; i < size; ++i) a[i + i * size] = i == where ? -1e-12 : 1.0;
    Context context(2);
    EXPECT_FALSE(cholesky(a.data(), n, context)) << n << " at " << where;
  }
}

TEST_P(CholeskyOrders, RefusesZeroPivotsAndNonFiniteEntries) {
  const std::int64_t n = GetParam();
  const auto size = static_cast<std::size_t>(n);
  for (const double bad : {0.0, std::nan(""), HUGE_VAL}) {
    std::vector<double> a(size * size, 0.0);
    for (std::size_t i = 0; i < size; ++i) a[i + i * size] = i == size - 1 ? bad : 1.0;
    Context context(1);
    EXPECT_FALSE(cholesky(a.data(), n, context)) << n << " with " << bad;
  }
}

TEST_P(CholeskyOrders, GivesTheSameBitsOnOneThreadAndOnThree) {
  const std::int64_t n = GetParam();
  std::vector<double> one = random_gram(n, 11);
  std::vector<double> three = one;
  Context single(1);
  Context several(3);
  ASSERT_TRUE(cholesky(one.data(), n, single));
  ASSERT_TRUE(cholesky(three.data(), n, several));
  EXPECT_EQ(std::memcmp(one.data(), three.data(), one.size() * sizeof(double)), 0);
}

// 640 is the largest order that is factored in one piece; 641 and 1000 are factored in tiles.
INSTANTIATE_TEST_SUITE_P(orders, CholeskyOrders, testing::Values(1, 2, 17, 640, 641, 1000));

}  // namespace
}  // namespace sigmax
