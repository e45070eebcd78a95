// Ranks and condition numbers: what rounding to storage and the scale of a weight leave of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "audit/audit_samples.hpp"
#include "gallery/reference_svd.hpp"
#include "sigmax/audit/measure.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::audit {
namespace {

// |W|_F^2 / sigma_1^2: sums of squares, and an estimate inside the enclosure.
double of_stable_rank(std::int64_t rows, std::int64_t columns) {
  return 2 * (static_cast<double>(tolerance::gamma(rows * columns)) + tolerance::of_gram_proof(rows, columns));
}

std::int64_t numerical_rank(const Tensor& matrix) {
  const Result result = run(checkpoint({entry("w", matrix)}));
  return result.tensors[0].figures->spectrum->numerical_rank;
}

TEST(Audit, TheNumericalRankIsWhatRoundingToStorageCannotHaveMade) {
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t n : {128, 256, 400}) {
      std::vector<double> identity(static_cast<std::size_t>(n * n), 0.0);
      for (std::int64_t i = 0; i < n; ++i) identity[static_cast<std::size_t>(i * n + i)] = 1;
      EXPECT_EQ(numerical_rank(Tensor::rounded(identity, {n, n}, dtype)), n) << name(dtype);
    }
    // Rank 3, rounded: what rounding adds does not count.
    const std::vector<double> left = normals(150 * 3, 1), right = normals(3 * 140, 2);
    std::vector<double> product(150 * 140, 0.0);
    for (std::size_t i = 0; i < 150; ++i) {
      for (std::size_t j = 0; j < 140; ++j) {
        for (std::size_t k = 0; k < 3; ++k) product[i * 140 + j] += left[i * 3 + k] * right[k * 140 + j];
      }
    }
    EXPECT_EQ(numerical_rank(Tensor::rounded(product, {150, 140}, dtype)), 3) << name(dtype);
    EXPECT_EQ(numerical_rank(Tensor::rounded(std::vector<double>(12, 0.0), {3, 4}, dtype)), 0) << name(dtype);
  }
  const std::int64_t rank = numerical_rank(Tensor::rounded(normals(300 * 600, 7), {300, 600}, DType::bf16));
  EXPECT_EQ(rank, 300) << "random entries in bf16: every value is far above the rounding";
}

TEST(Audit, RanksAndConditionsDoNotDependOnTheScale) {
  // 1.7e308 throughout: sigma_max is beyond double, the rank is 1 all the same.
  for (const double scale : {1.7e308, 1.0, 1e-300}) {
    const Result one = run(checkpoint({entry("w", Tensor::copy_of(std::vector<double>(1200, scale), {40, 30}))}));
    const SpectrumFigures& s = *one.tensors[0].figures->spectrum;
    EXPECT_EQ(s.numerical_rank, 1) << scale;
    EXPECT_EQ(s.rank_95.rank, 1) << scale;
    EXPECT_NEAR(s.effective_rank, 1, std::expm1(tolerance::of_entropy(30))) << scale;
    EXPECT_NEAR(one.tensors[0].figures->stable_rank, 1, of_stable_rank(40, 30)) << scale;
    EXPECT_FALSE(s.condition.has_value()) << scale;
  }
  std::vector<double> diagonal(20 * 20, 0.0);
  for (std::size_t i = 0; i < 20; ++i) diagonal[i * 20 + i] = 1.0 + static_cast<double>(i);
  for (const double scale : {0x1p1018, 1.0, 0x1p-1000}) {
    std::vector<double> values = diagonal;
    for (double& value : values) value *= scale;
    const Result result = run(checkpoint({entry("w", Tensor::copy_of(values, {20, 20}))}));
    EXPECT_EQ(result.tensors[0].figures->spectrum->numerical_rank, 20) << scale;
    ASSERT_TRUE(result.tensors[0].figures->spectrum->condition.has_value()) << scale;
    EXPECT_NEAR(*result.tensors[0].figures->spectrum->condition, 20, 20 * tolerance::of_gram_root(20, 20, 20, 1))
        << scale;
    EXPECT_NEAR(result.tensors[0].figures->stable_rank, 2870.0 / 400, 2870.0 / 400 * of_stable_rank(20, 20)) << scale;
    EXPECT_EQ(result.tensors[0].figures->spectrum->rank_90.rank, 11) << scale;
  }
}

TEST(Audit, AStackBeyondTheRangeOfSquaresIsMeasuredInItsOwnUnit) {
  std::vector<double> values(2 * 6 * 5, 1.5e308);
  std::fill(values.begin() + 30, values.end(), 1e290);
  const Result result = run(checkpoint({entry("experts.w", Tensor::copy_of(values, {2, 6, 5}))}));
  const Figures& f = *result.tensors[0].figures;
  EXPECT_EQ(f.spectrum->rank_99.rank, 1);
  EXPECT_NEAR(f.stable_rank, 1, of_stable_rank(12, 10));
  EXPECT_EQ(f.spectrum->numerical_rank, 1) << "the second block is below what the first one's rounding can be";
}

TEST(Audit, EachBlockOfAStackWasRoundedByItself) {
  // 64 blocks of rank 8 in bf16: pooled, their Frobenius norm is eight times that of one.
  const Result result = run(checkpoint({random_entry("experts.w", {64, 8, 400}, 5, DType::bf16)}));
  EXPECT_EQ(result.tensors[0].figures->spectrum->numerical_rank, 64 * 8);
  EXPECT_TRUE(result.tensors[0].figures->spectrum->condition.has_value());
}

// Rounding errors made for the purpose: the norm of W in double minus W as stored. Independent errors come close to the
// typical norm and stay far below the worst case, for every type; those of a weight of equal entries reach the worst.
TEST(Audit, TypicalRoundingIsWhatRoundingErrorsAre) {
  constexpr std::int64_t kRows = 300, kColumns = 200;
  std::vector<double> exact = normals(static_cast<std::size_t>(kRows * kColumns), 21);
  for (double& value : exact) value /= 3;  // they are floats
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    const Tensor stored = Tensor::rounded(exact, {kRows, kColumns}, dtype);
    std::vector<double> error, squares;
    double square = 0;
    for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
      const std::vector<std::int64_t> index{i / kColumns, i % kColumns};
      error.push_back(stored.at(index) - exact[static_cast<std::size_t>(i)]);
      square += stored.at(index) * stored.at(index);
    }
    const double norm = sigma_max(error, kRows, kColumns).upper->value();
    const double worst = unit_roundoff(dtype) * std::sqrt(square);
    const double typical =
        worst / std::sqrt(3.0 * kRows * kColumns) * (std::sqrt(1.0 * kRows) + std::sqrt(1.0 * kColumns));
    EXPECT_LE(norm, typical * 1.05) << name(dtype);
    EXPECT_GE(norm, typical / 2) << name(dtype);
    EXPECT_LE(norm, worst / 4) << name(dtype);
  }
}

// The smallest value of a square Gaussian matrix is about 1 / sqrt(n) of an entry: far below u |W|_F in bf16. That of a
// rectangle is not below the typical rounding, although the worst case covers it.
TEST(Audit, AGaussianWeightHasItsConditionNumberInEveryType) {
  const auto figures = [](std::int64_t rows, std::int64_t columns, DType dtype) {
    const Tensor w = Tensor::rounded(normals(static_cast<std::size_t>(rows * columns), 5), {rows, columns}, dtype);
    return *run(checkpoint({entry("w", w)})).tensors[0].figures->spectrum;
  };
  const SpectrumFigures wide = figures(200, 200, DType::f32);
  const SpectrumFigures narrow = figures(200, 200, DType::bf16);
  EXPECT_GT(*wide.condition, 50);
  EXPECT_GT(*narrow.condition, 50);
  EXPECT_FALSE(wide.beyond_precision || wide.from_rounding);
  EXPECT_TRUE(narrow.beyond_precision);
  // sqrt(430) - sqrt(400) = 0.74, u sqrt(430 400) = 1.6, u / sqrt(3) (sqrt(430) + sqrt(400)) = 0.09.
  const SpectrumFigures between = figures(430, 400, DType::bf16);
  EXPECT_TRUE(between.beyond_precision);
  EXPECT_FALSE(between.from_rounding);
  EXPECT_GT(*between.condition, 20);
  EXPECT_LT(*between.condition, 200);
}

}  // namespace
}  // namespace sigmax::audit
