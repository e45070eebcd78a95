// Triplets one after another: the source text's example, every spectrum, orthonormality, each outcome.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

template <class T>
Operator<T> matrix(std::int64_t rows, std::int64_t columns, const std::vector<double>& values) {
  return dense<T>(Tensor::copy_of(std::span<const double>(values), {rows, columns}));
}

template <class T>
SvdOptions<T> deflation(std::int64_t k, double tolerance, Accuracy accuracy = Accuracy::values) {
  auto options = repeatable<SvdOptions<T>>();
  options.k = k;
  options.tolerance = tolerance;
  options.accuracy = accuracy;
  options.method = Deflation{};
  return options;
}

// The source text's printed values for its example, from numpy.linalg.svd: four to eight digits.
TEST(Deflation, GivesTheSourceTextsExample) {
  Context context(1);
  const Operator<double> a = matrix<double>(3, 4, {1, 2, 3, 4, 3, 5, 7, 9, 2, 4, 1, 5});
  const SvdResult<double> result = svd(*a, deflation<double>(3, 1e-12, Accuracy::vectors), context);
  const double sigma[] = {15.24407962, 2.74303512, 0.30625934};
  const double u[3][3] = {{-0.35711462, -0.83745022, -0.41369829},
                          {0.19491499, 0.36633946, -0.9098371},
                          {-0.91349729, 0.40555213, -0.03240642}};
  const double v[3][4] = {{-0.24251132, -0.43008654, -0.4819703, -0.72382211},
                          {-0.19166391, -0.51688041, 0.81635268, -0.17224366},
                          {0.77824978, 0.2322881, 0.21539469, -0.54219429}};
  EXPECT_EQ(result.outcome, SvdOutcome::converged);
  for (std::int64_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(result.sigma[static_cast<std::size_t>(k)], sigma[k], tolerance::kPrintedDigits);
    const double sign = result.u(0, k) * u[k][0] > 0 ? 1 : -1;
    for (std::int64_t i = 0; i < 3; ++i) EXPECT_NEAR(sign * result.u(i, k), u[k][i], tolerance::kPrintedDigits);
    for (std::int64_t i = 0; i < 4; ++i) EXPECT_NEAR(sign * result.v(i, k), v[k][i], tolerance::kPrintedDigits);
  }
}

template <class T>
class DeflationOf : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(DeflationOf, Types);

TYPED_TEST(DeflationOf, FindsTheTopOfEverySpectrum) {
  using T = TypeParam;
  Context context(1);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    const double first = spectrum.values(1)[0];
    if (std::same_as<T, float> && (first > 1e30 || (first < 1e-30 && first > 0))) continue;
    for (const auto& [rows, columns, k] : std::vector<std::array<std::int64_t, 3>>{
             {1, 1, 1}, {1, 12, 1}, {12, 1, 1}, {20, 20, 4}, {48, 15, 5}, {15, 48, 3}, {6, 6, 6}}) {
      const std::vector<double> sigma = spectrum.values(std::min(rows, columns));
      const std::vector<double> values = gallery::with_singular_values(rows, columns, sigma);
      const Operator<T> a = matrix<T>(rows, columns, values);
      const double stop = 1e-5;
      const SvdResult<T> result = svd(*a, deflation<T>(k, stop), context);
      const std::string what =
          spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns) + ", k " + std::to_string(k);
      const double rounding = tolerance::relative_in<T>(rows, columns),
                   of_triplets = tolerance::of_triplets<T>(rows, columns);
      EXPECT_LE(checks::orthonormality_error(result.u), rounding) << what;
      EXPECT_LE(checks::orthonormality_error(result.v), rounding) << what;
      ASSERT_EQ(result.sigma.size(), static_cast<std::size_t>(k)) << what;
      EXPECT_TRUE(std::is_sorted(result.sigma.rbegin(), result.sigma.rend())) << what;
      // Values closer than 1e-5 may take more products than allowed, and the outcome says so.
      if (spectrum.name != "tiny_gap") {
        EXPECT_EQ(result.outcome, SvdOutcome::converged) << what;
      }
      for (std::size_t i = 0; i < result.sigma.size(); ++i) {
        EXPECT_NEAR(result.sigma[i], sigma[i], (tolerance::of_estimate(stop) + of_triplets) * sigma[0])
            << what << ", value " << i;
      }
      if (sigma[0] == 0 || first > 1e100 || first < 1e-100) continue;
      for (std::size_t i = 0; i < result.sigma.size(); ++i) {
        const auto residuals = checks::residuals_of<T>(values, result, static_cast<std::int64_t>(i), result.sigma[0]);
        EXPECT_LE(residuals.forward, of_triplets) << what;
        EXPECT_NEAR(result.residual[i], residuals.backward, tolerance::of_residual_in<T>(rows, columns)) << what;
      }
    }
  }
}

// The errors of the earlier triplets enter the later values by their squares.
TEST(Deflation, LosesLittleFromTripletToTriplet) {
  Context context(1);
  const std::vector<double> sigma = gallery::geometric(30, 1e6);
  const Operator<double> a = matrix<double>(50, 30, gallery::with_singular_values(50, 30, sigma));
  const double stop = 1e-8;
  const SvdResult<double> result = svd(*a, deflation<double>(10, stop, Accuracy::vectors), context);
  EXPECT_EQ(result.outcome, SvdOutcome::converged);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(result.sigma[i], sigma[i],
                tolerance::of_estimate(stop * stop) * sigma[0] + tolerance::relative_in<double>(50, 30));
    EXPECT_LE(result.residual[i], tolerance::of_estimate(stop)) << i;
  }
}

TEST(Deflation, MakesAFixedNumberOfSteps) {
  Context context(1);
  const Operator<double> a = matrix<double>(20, 12, gallery::normal(240, 3));
  SvdOptions<double> options = deflation<double>(3, 1e-10);
  options.method = Deflation{5};
  const SvdResult<double> result = svd(*a, options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::completed);
  EXPECT_EQ(result.statistics.products, 3 * (5 + 1));
  EXPECT_LE(checks::orthonormality_error(result.u), tolerance::relative_in<double>(20, 12)) << "u";
}

TEST(Deflation, SaysWhenItRanOutOfProducts) {
  Context context(1);
  const Operator<double> a = matrix<double>(30, 30, gallery::normal(900, 3));
  SvdOptions<double> options = deflation<double>(4, 1e-10);
  options.max_products = 7;
  const SvdResult<double> result = svd(*a, options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::out_of_products);
  EXPECT_LE(result.statistics.products, 7 + 3);  // one for each triplet that had no budget left
  EXPECT_EQ(result.sigma.size(), 4U);
  EXPECT_LE(checks::orthonormality_error(result.u), tolerance::relative_in<double>(30, 30)) << "u";
  EXPECT_LE(checks::orthonormality_error(result.v), tolerance::relative_in<double>(30, 30)) << "v";
}

TEST(Deflation, GoesOnFromAnEarlierResult) {
  Context context(1);
  const Operator<double> a = matrix<double>(40, 25, gallery::with_singular_values(40, 25, gallery::geometric(25, 100)));
  SvdOptions<double> options = deflation<double>(4, 1e-10);
  const SvdResult<double> cold = svd(*a, options, context);
  options.start = cold.state.subspace;
  const SvdResult<double> warm = svd(*a, options, context);
  EXPECT_LT(warm.statistics.products, cold.statistics.products / 2);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(warm.sigma[i], cold.sigma[i], tolerance::of_estimate(options.tolerance) * cold.sigma[0]);
  }
}

TYPED_TEST(DeflationOf, GivesTheSameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  Context one(1), three(3);
  const Operator<T> a = matrix<T>(500, 400, gallery::normal(200000, 4));
  SvdOptions<T> options = deflation<T>(3, 1e-10);
  options.method = Deflation{3};
  const SvdResult<T> first = svd(*a, options, one), second = svd(*a, options, three);
  EXPECT_EQ(first.sigma, second.sigma);
  EXPECT_EQ(first.u, second.u);
  EXPECT_EQ(first.v, second.v);
  EXPECT_EQ(first.residual, second.residual);
}

TEST(Deflation, RefusesStepsBelowOneAndStopsWhenAskedTo) {
  Context context(1);
  const Operator<double> a = matrix<double>(3, 4, {1, 2, 3, 4, 3, 5, 7, 9, 2, 4, 1, 5});
  SvdOptions<double> options = deflation<double>(2, 1e-10);
  for (const std::int64_t steps : {-1, 0}) {
    options.method = Deflation{steps};
    EXPECT_THROW(svd(*a, options, context), Error);
  }
  options.method = Deflation{};
  context.request_cancel();
  EXPECT_THROW(svd(*a, options, context), Canceled);
}

}  // namespace
}  // namespace sigmax
