#include "sigmax/bounds/pseudo_inverse.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "hunt/wide_inverse.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using bounds::PseudoInverse;
using Values = std::vector<double>;

PseudoInverse enclose(const Tensor& a, const CertifyOptions& options = {}) {
  Context context;
  ScannedMatrix scanned(stored_view(a), context);
  return bounds::enclose_pseudo_inverse(scanned, {.two = true, .entries = true}, options, context);
}

PseudoInverse enclose(const Values& values, std::int64_t rows, std::int64_t columns) {
  return enclose(Tensor::rounded(values, {rows, columns}, DType::f64));
}

// In the units of A, for a matrix of moderate entries.
double lower(const PseudoInverse& p, const Enclosure& e) {
  return std::ldexp(e.lower.value(), static_cast<int>(p.exponent));
}
double upper(const PseudoInverse& p, const Enclosure& e) {
  return e.upper ? std::ldexp(e.upper->value(), static_cast<int>(p.exponent)) : INFINITY;
}

void expect_contains(const PseudoInverse& p, const Enclosure& e, double truth, double width) {
  EXPECT_LE(lower(p, e), truth * (1 + tolerance::kEpsilon));
  EXPECT_GE(upper(p, e), truth * (1 - tolerance::kEpsilon));
  EXPECT_LE(upper(p, e) - lower(p, e), width * truth);
}

// The inverse of [[1, 2], [-3, 4]] is [[4, -2], [3, 1]] / 10.
TEST(PseudoInverse, HasTheNormsOfTheInverse) {
  const PseudoInverse p = enclose({1, 2, -3, 4}, 2, 2);
  expect_contains(p, p.one, 0.7, tolerance::kSmallProof);
  expect_contains(p, p.inf, 0.6, tolerance::kSmallProof);
  expect_contains(p, p.frobenius, std::sqrt(30.0) / 10, tolerance::kSmallProof);
  expect_contains(p, p.two, 1 / 1.95439507584854796, tolerance::kSmallProof);
}

// For [[1, 0], [0, 2], [0, 0]], a rectangle with a simple pseudo-inverse, and its transpose.
TEST(PseudoInverse, OfARectangleIsThatOfMooreAndPenrose) {
  const PseudoInverse tall = enclose({1, 0, 0, 2, 0, 0}, 3, 2);
  expect_contains(tall, tall.one, 1, tolerance::kSmallProof);
  expect_contains(tall, tall.inf, 1, tolerance::kSmallProof);
  expect_contains(tall, tall.frobenius, std::sqrt(1.25), tolerance::kSmallProof);
  expect_contains(tall, tall.two, 1, tolerance::kSmallProof);
  // [1 2]^+ = [1; 2] / 5
  const PseudoInverse row = enclose({1, 2}, 1, 2);
  expect_contains(row, row.one, 0.6, tolerance::kSmallProof);
  expect_contains(row, row.inf, 0.4, tolerance::kSmallProof);
  ASSERT_EQ(row.inverse.rows(), 2);
  ASSERT_EQ(row.inverse.columns(), 1);
  EXPECT_NEAR(std::ldexp(row.inverse(1, 0), static_cast<int>(row.exponent)), 0.4, 4 * tolerance::kEpsilon);
  const PseudoInverse column = enclose({1, 2}, 2, 1);
  expect_contains(column, column.one, 0.4, tolerance::kSmallProof);
  expect_contains(column, column.inf, 0.6, tolerance::kSmallProof);
}

// Exact rational inverses: LAPACK's own estimate of the last one is wrong in its first digit.
TEST(PseudoInverse, OfAHilbertMatrixIsProvenToAConditionNumberOf1e13) {
  constexpr std::int64_t n = 10;
  Values hilbert;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) hilbert.push_back(1 / static_cast<double>(i + j + 1));
  }
  const PseudoInverse p = enclose(hilbert, n, n);
  // |H^-1|_1 = kappa_1 / |H|_1. The stored entries are rounded, which moves it by up to u kappa.
  double first = 0;
  for (std::int64_t i = 0; i < n; ++i) first += 1 / static_cast<double>(i + 1);
  const double kappa = 35357439251992.0;
  const double moved = tolerance::kUnitRoundoff * kappa;
  EXPECT_NEAR(lower(p, p.one) * first, kappa, 2 * moved * kappa);
  EXPECT_NEAR(upper(p, p.one) * first, kappa, 2 * moved * kappa);
  EXPECT_NEAR(1.7519196702651778 / std::ldexp(p.sigma_min.lower.value(), -static_cast<int>(p.exponent)),
              16026286870216.8828, 2 * moved * 16026286870216.8828);
}

// The rounding of the stored matrix moves sigma_min by u |A|_F at most.
TEST(PseudoInverse, IsProvenForConditionNumbersUpTo1e14AtModerateOrders) {
  for (const double kappa : {1e2, 1e5, 1e8, 1e11, 1e14}) {
    for (const std::int64_t rows : {96, 150}) {
      if (rows > 96 && kappa > 1e12) continue;
      const Values sigma = gallery::geometric(96, kappa);
      const PseudoInverse p = enclose(gallery::with_singular_values(rows, 96, sigma), rows, 96);
      double frobenius = 0;
      for (const double value : sigma) frobenius = std::hypot(frobenius, value);
      const double moved = tolerance::kUnitRoundoff * frobenius;
      const double least = std::ldexp(p.sigma_min.lower.value(), -static_cast<int>(p.exponent));
      EXPECT_GT(least, 0) << rows << " " << kappa;
      EXPECT_LE(least, 1 / kappa + moved) << rows << " " << kappa;
      ASSERT_TRUE(p.two.upper && p.one.upper && p.inf.upper && p.frobenius.upper) << rows << " " << kappa;
      EXPECT_GE(p.sigma_min.upper->value(), std::ldexp(1 / kappa - moved, static_cast<int>(p.exponent)));
      EXPECT_LT(p.two.relative_width(), 0.5) << rows << " " << kappa;
      EXPECT_LT(p.sigma_min.relative_width(), 0.5) << rows << " " << kappa;
    }
  }
}

// A left inverse C of a rectangle has a part off the range, and |C| may exceed |B^+|: at these condition numbers by
// more than the proof is wide. Each request has its own way to the ends.
TEST(PseudoInverse, OfAnIllConditionedRectangleContainsTheTruthWhateverIsAskedFor) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::int64_t columns = 2 + static_cast<std::int64_t>(seed % 5);
    const std::int64_t rows = columns + 5 + static_cast<std::int64_t>(seed % 11);
    const double kappa = std::pow(10.0, 9 + static_cast<double>(seed % 6));
    const Values entries = gallery::with_singular_values(rows, columns, gallery::geometric(columns, kappa), seed);
    const auto truth =
        hunt::norms_of_pseudo_inverse(entries, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
    ASSERT_TRUE(truth) << seed;
    const Tensor tall = Tensor::rounded(entries, {rows, columns}, DType::f64);
    const Tensor wide(tall.dtype(), {columns, rows}, {tall.strides()[1], tall.strides()[0]}, tall.data(), tall.owner());
    for (const Tensor& a : {tall, wide}) {
      for (const bool entries_too : {false, true}) {
        Context context(1);
        ScannedMatrix scanned(stored_view(a), context);
        const PseudoInverse p =
            bounds::enclose_pseudo_inverse(scanned, {.two = true, .entries = entries_too}, {}, context);
        EXPECT_LE(lower(p, p.two), static_cast<double>(truth->two) * (1 + tolerance::kEpsilon)) << seed;
        EXPECT_GE(upper(p, p.two), static_cast<double>(truth->two) * (1 - tolerance::kEpsilon)) << seed;
      }
    }
  }
}

TEST(PseudoInverse, OfASingularMatrixIsKnownFromBelowAlone) {
  const std::vector<Values> singular = {{1, 2, 2, 4}, {0, 0, 0, 1}, {1, 1, 1, 1}, {3, 0, 3, 0}};
  for (const Values& values : singular) {
    const PseudoInverse p = enclose(values, 2, 2);
    EXPECT_EQ(p.sigma_min.lower.value(), 0);
    EXPECT_FALSE(p.two.upper || p.one.upper || p.inf.upper || p.frobenius.upper);
    // The vector for it shows a value of rounding size, if not 0.
    EXPECT_LE(p.sigma_min.upper->value(), tolerance::of_matrix(2, 2, 1));
    EXPECT_GE(p.frobenius.lower.value(), 1 / tolerance::of_matrix(2, 2, 1));
  }
}

TEST(PseudoInverse, OfAZeroMatrixIsUnknown) {
  const PseudoInverse p = enclose(Values(6, 0.0), 2, 3);
  EXPECT_EQ(p.sigma_min.upper->value(), 0);
  EXPECT_FALSE(p.two.upper);
}

// A power of two moves all ends by that power, exactly, also where the inverse itself is beyond the range of double.
TEST(PseudoInverse, DoesNotDependOnTheScale) {
  const Values values = gallery::with_singular_values(7, 5, gallery::geometric(5, 1e9));
  const PseudoInverse plain = enclose(values, 7, 5);
  for (const int exponent : {-1000, -300, 300, 1000}) {
    Values moved = values;
    for (double& value : moved) value = std::ldexp(value, exponent);
    const PseudoInverse p = enclose(moved, 7, 5);
    EXPECT_EQ(p.exponent, plain.exponent - exponent);
    EXPECT_EQ(p.one.upper->value(), plain.one.upper->value());
    EXPECT_EQ(p.inf.lower.value(), plain.inf.lower.value());
    EXPECT_EQ(p.frobenius.upper->value(), plain.frobenius.upper->value());
    EXPECT_EQ(p.residual, plain.residual);
    EXPECT_NEAR(p.two.upper->value() / plain.two.upper->value(), 1, tolerance::kSmallProof);
  }
}

TEST(PseudoInverse, IsOfTheStoredValuesOfEveryType) {
  const Values entries = gallery::normal(20, 5);
  for (const DType type : gallery::kStorageTypes) {
    const Tensor stored = Tensor::rounded(entries, {4, 5}, type);
    Values values;
    for (std::int64_t i = 0; i < 4; ++i) {
      for (std::int64_t j = 0; j < 5; ++j) values.push_back(stored.at(std::vector<std::int64_t>{i, j}));
    }
    const PseudoInverse p = enclose(stored);
    const PseudoInverse wide = enclose(values, 4, 5);
    EXPECT_EQ(p.one.upper->value(), wide.one.upper->value());
    EXPECT_EQ(p.frobenius.lower.value(), wide.frobenius.lower.value());
  }
}

TEST(PseudoInverse, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor a = Tensor::rounded(gallery::normal(300 * 300, 3), {300, 300}, DType::f64);
  const auto with = [&](int threads) {
    Context context(threads);
    ScannedMatrix scanned(stored_view(a), context);
    return bounds::enclose_pseudo_inverse(scanned, {.two = true, .entries = true}, CertifyOptions{}, context);
  };
  const PseudoInverse one = with(1);
  const PseudoInverse four = with(4);
  EXPECT_EQ(one.two.upper->value(), four.two.upper->value());
  EXPECT_EQ(one.one.lower.value(), four.one.lower.value());
  EXPECT_TRUE(one.inverse == four.inverse);
}

TEST(PseudoInverse, OfLargeMatricesIsNotFactored) {
  CertifyOptions options;
  options.proven_up_to = 2;
  const PseudoInverse p = enclose(Tensor::rounded(Values{1, 0, 0, 0, 1, 0, 0, 0, 1}, {3, 3}, DType::f64), options);
  EXPECT_EQ(p.sigma_min.lower.value(), 0);
  EXPECT_GE(std::ldexp(p.sigma_min.upper->value(), -static_cast<int>(p.exponent)), 1);
  EXPECT_FALSE(p.two.upper);
}

TEST(PseudoInverse, RefusesEmptyAndNonFiniteMatrices) {
  EXPECT_THROW(enclose(Values{}, 0, 3), Error);
  EXPECT_THROW(enclose(Values{1, std::numeric_limits<double>::quiet_NaN()}, 1, 2), Error);
  EXPECT_THROW(enclose(Values{1, INFINITY}, 1, 2), Error);
}

}  // namespace
}  // namespace sigmax
