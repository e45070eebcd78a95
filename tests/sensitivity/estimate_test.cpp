#include "sigmax/sensitivity/estimate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::sensitivity {
namespace {

using Values = std::vector<double>;

EstimateOptions options_for_tests(std::uint64_t seed = 1) {
  EstimateOptions options;
  options.with_proof = true;
  options.condition.certify = repeatable<CertifyOptions>();
  options.random = random_state(seed);
  return options;
}

ConditionEstimate estimate(const Values& values, std::int64_t n, const norms::Norm& which, const Estimator& how,
                           std::uint64_t seed = 1) {
  Context context(1);
  return estimate_condition(Tensor::rounded(values, {n, n}, DType::f64), which, how, options_for_tests(seed), context);
}

// The matrix for which LAPACK's gecon returns 2.0: its vectors never see the second column.
TEST(ConditionEstimate, OfHagerAndHighamMissesWhatTheBlockFormFinds) {
  const Values values{1, 0.5, 0, 1};
  const ConditionEstimate single = estimate(values, 2, norms::ColumnSum{}, HagerHigham{});
  EXPECT_NEAR(single.number.value() / 2.0, 1, tolerance::width_of_operations(8));
  const ConditionEstimate block = estimate(values, 2, norms::ColumnSum{}, BlockHagerHigham{2});
  EXPECT_NEAR(block.number.value() / 2.25, 1, tolerance::width_of_operations(8));
  EXPECT_LE(block.proven->number.lower.value(), 2.25);
  EXPECT_GE(block.proven->number.upper->value(), 2.25);
}

// Every estimate is a lower bound, however ill-conditioned the matrix is; next to it is the proven number.
TEST(ConditionEstimate, IsNeverMoreThanTheProvenNumber) {
  const std::vector<std::pair<norms::Norm, Estimator>> ways = {
      {norms::ColumnSum{}, HagerHigham{}},        {norms::RowSum{}, HagerHigham{}},
      {norms::ColumnSum{}, BlockHagerHigham{3}},  {norms::RowSum{}, BlockHagerHigham{4}},
      {norms::Spectral{}, RandomizedInverse{}},   {norms::Frobenius{}, RandomizedInverse{2, 1}},
      {norms::ColumnSum{}, BlockHagerHigham{100}}};
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    for (const double kappa : {2.0, 1e6, 1e12}) {
      const std::int64_t n = 3 + static_cast<std::int64_t>(seed) * 2;
      const Values values = gallery::with_singular_values(n, n, gallery::geometric(n, kappa), seed);
      for (const auto& [norm, how] : ways) {
        const ConditionEstimate found = estimate(values, n, norm, how, seed);
        ASSERT_TRUE(found.proven && found.proven->number.upper);
        EXPECT_LE(found.number.value(), found.proven->number.upper->value()) << name(how) << seed << kappa;
        EXPECT_GE(found.number.value(), found.proven->number.lower.value() / (4.0 * static_cast<double>(n)))
            << name(how) << seed << kappa;
        EXPECT_EQ(found.number.certainty(), Certainty::proven);
      }
    }
  }
}

// 86 % and more than 95 % are what their authors report for Gaussian matrices of order 10.
TEST(ConditionEstimate, IsMostlyExactForGaussianMatrices) {
  int single = 0, block = 0;
  constexpr int kMatrices = 200;
  for (int i = 0; i < kMatrices; ++i) {
    const Values values = gallery::normal(100, static_cast<std::uint64_t>(i) + 1);
    const ConditionEstimate one = estimate(values, 10, norms::ColumnSum{}, HagerHigham{});
    const ConditionEstimate four = estimate(values, 10, norms::ColumnSum{}, BlockHagerHigham{4});
    const double known = one.proven->number.lower.value();
    const double exact = known * (1 - tolerance::kSmallProof - tolerance::relative(10, 10, known));
    single += one.number.value() >= exact ? 1 : 0;
    block += four.number.value() >= exact ? 1 : 0;
    EXPECT_LE(one.solves, 11);
  }
  EXPECT_GE(single, kMatrices * 7 / 10);
  EXPECT_GE(block, kMatrices * 9 / 10);
}

// sigma_min far from the others: two steps of inverse iteration from any vector find it.
TEST(ConditionEstimate, BySamplesFindsAnIsolatedSmallestValue) {
  Values sigma(20, 1.0);
  constexpr double kSmall = 1e-6;
  sigma.back() = kSmall;
  const Values values = gallery::with_singular_values(20, 20, sigma);
  const ConditionEstimate found = estimate(values, 20, norms::Spectral{}, RandomizedInverse{});
  EXPECT_NEAR(found.number.value() / found.proven->value, 1, tolerance::relative(20, 20, 1 / kSmall, 2));
}

TEST(ConditionEstimate, OfASingularMatrixSaysLittle) {
  const ConditionEstimate zero = estimate({1, 0, 0, 0}, 2, norms::ColumnSum{}, HagerHigham{});
  EXPECT_EQ(zero.number.value(), 1);
  EXPECT_TRUE(zero.proven->singular);
  EXPECT_EQ(zero.inverse.value(), 0);
}

TEST(ConditionEstimate, DoesNotDependOnTheScale) {
  const Values values = gallery::normal(49, 4);
  const double plain = estimate(values, 7, norms::RowSum{}, HagerHigham{}).number.value();
  for (const double scale : {0x1p-990, 0x1p990}) {
    Values moved = values;
    for (double& value : moved) value *= scale;
    EXPECT_NEAR(estimate(moved, 7, norms::RowSum{}, HagerHigham{}).number.value() / plain, 1, tolerance::kSmallProof);
  }
}

// 3 A + A, which is formed with rounding: the estimate is below the proven number, and near that of 4 A.
TEST(ConditionEstimate, OfASumIncludesTheRoundingOfFormingIt) {
  Context context(1);
  for (const double kappa : {2.0, 1e6, 1e11}) {
    const std::int64_t n = 9;
    const Values values = gallery::with_singular_values(n, n, gallery::geometric(n, kappa), 5);
    const Operator<double> a = dense<double>(Tensor::rounded(values, {n, n}, DType::f64));
    const Operator<double> sum = 3.0 * a + a;
    for (const auto& [norm, how] : {std::pair{norms::Norm(norms::ColumnSum{}), Estimator(HagerHigham{})},
                                    std::pair{norms::Norm(norms::RowSum{}), Estimator(BlockHagerHigham{3})},
                                    std::pair{norms::Norm(norms::Spectral{}), Estimator(RandomizedInverse{})},
                                    std::pair{norms::Norm(norms::Frobenius{}), Estimator(RandomizedInverse{})}}) {
      const ConditionEstimate found = estimate_condition(*sum, norm, how, options_for_tests(), context);
      ASSERT_TRUE(found.proven && found.proven->number.upper) << kappa;
      EXPECT_LE(found.number.value(), found.proven->number.upper->value());
      EXPECT_LE(found.inverse.value(), found.proven->inverse.upper->value());
      ASSERT_TRUE(found.from_below.distance.upper.has_value());
      EXPECT_GE(found.from_below.distance.upper->value(), found.proven->distance.lower.value());
      // |A y| may be n^2 u |A| |y| larger, of |A| |y| / kappa.
      const double stored = estimate(values, n, norm, how).number.value();
      EXPECT_GE(found.number.value(), stored * (1 - tolerance::relative(n, n, kappa, 64)));
    }
  }
  const auto copy = [](MatrixView<const double> in, MatrixView<double> out, Context&) {
    for (std::int64_t j = 0; j < in.columns; ++j) std::ranges::copy(in.column(j), out.column(j).begin());
  };
  const Operator<double> opaque = function_operator<double>({2, 2}, copy, copy);
  EXPECT_THROW(estimate_condition(*opaque, norms::ColumnSum{}, HagerHigham{}, {}, context), Error);
}

TEST(ConditionEstimate, RefusesWhatDoesNotFit) {
  Context context(1);
  const Tensor wide = Tensor::rounded(Values{1, 2}, {1, 2}, DType::f64);
  EXPECT_THROW(estimate_condition(wide, norms::ColumnSum{}, HagerHigham{}, {}, context), Error);
  const Values values{1, 2, -3, 4};
  EXPECT_THROW(estimate(values, 2, norms::Spectral{}, HagerHigham{}), Error);
  EXPECT_THROW(estimate(values, 2, norms::ColumnSum{}, RandomizedInverse{}), Error);
  EXPECT_THROW(estimate(values, 2, norms::ColumnSum{}, BlockHagerHigham{0}), Error);
  EXPECT_THROW(estimate({1, std::nan(""), 0, 1}, 2, norms::ColumnSum{}, HagerHigham{}), Error);
}

}  // namespace
}  // namespace sigmax::sensitivity
