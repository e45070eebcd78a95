// Power iteration until the tolerance: every spectrum, every outcome, honest reports of what it reached.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Order = PowerIteration::Order;

template <class T>
Operator<T> matrix(std::int64_t rows, std::int64_t columns, const std::vector<double>& values) {
  return dense<T>(Tensor::copy_of(std::span<const double>(values), {rows, columns}));
}

template <class T>
class PowerUntil : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(PowerUntil, Types);

template <class T>
double residual_of(const LinearOperator<T>& a, const SvdResult<T>& result, Context& context) {
  std::vector<T> back(result.v.values().size());
  a.apply_adjoint(result.u.view(), back, context);
  double squares = 0;
  for (std::size_t i = 0; i < back.size(); ++i) {
    const double r = back[i] - result.sigma[0] * static_cast<double>(result.v.values()[i]);
    squares += r * r;
  }
  return std::sqrt(squares) / result.sigma[0];
}

TYPED_TEST(PowerUntil, ConvergesOnEverySpectrumThatLetsIt) {
  using T = TypeParam;
  Context context(1);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    const double first = spectrum.values(1)[0];
    if (std::same_as<T, float> && (first > 1e30 || (first < 1e-30 && first > 0))) continue;
    for (const auto& [rows, columns] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {1, 12}, {12, 1}, {20, 20}, {48, 15}, {15, 48}}) {
      const std::vector<double> sigma = spectrum.values(std::min(rows, columns));
      const Operator<T> a = matrix<T>(rows, columns, gallery::with_singular_values(rows, columns, sigma));
      auto options = repeatable<SvdOptions<T>>();
      options.method = PowerIteration{};
      options.tolerance = 1e-6;
      const SvdResult<T> result = svd(*a, options, context);
      const std::string what = spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns);
      const double rounding = tolerance::of_matrix<T>(rows, columns, 1);
      EXPECT_LE(result.sigma[0], sigma[0] * (1 + rounding)) << what;
      // The error of a length counts twice in its square.
      EXPECT_LE(checks::orthonormality_error(result.u), 3 * rounding) << what;
      EXPECT_LE(checks::orthonormality_error(result.v), 3 * rounding) << what;
      if (sigma[0] == 0 || first > 1e100 || first < 1e-100) continue;
      EXPECT_NEAR(residual_of(*a, result, context), result.residual[0], rounding) << what;
      // Values closer than 1e-5 may take more products than allowed, and the outcome says so.
      if (spectrum.name != "tiny_gap") {
        EXPECT_EQ(result.outcome, SvdOutcome::converged) << what;
      }
      EXPECT_GE(result.sigma[0], sigma[0] * (1 - tolerance::of_estimate(options.tolerance)) - rounding) << what;
    }
  }
}

TYPED_TEST(PowerUntil, MeetsAToleranceOnTheVectors) {
  using T = TypeParam;
  Context context(1);
  const Operator<T> a = matrix<T>(30, 20, gallery::with_singular_values(30, 20, gallery::geometric(20, 10)));
  auto options = repeatable<SvdOptions<T>>();
  options.method = PowerIteration{};
  options.accuracy = Accuracy::vectors;
  options.tolerance = 1e-5;
  const SvdResult<T> result = svd(*a, options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::converged);
  EXPECT_LE(residual_of(*a, result, context), options.tolerance + tolerance::of_matrix<T>(30, 20, 1));
}

// Untrained layers are the hardest case for power iteration. The estimate has to hold for each of them.
TEST(PowerIterations, AreHonestAboutGaussianMatrices) {
  Context context(1);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Operator<double> a = matrix<double>(40, 40, gallery::normal(1600, seed));
    auto options = repeatable<SvdOptions<double>>();
    options.random = random_state(seed);
    const double truth = [&] {
      options.tolerance = 1e-13;
      options.method = Lanczos{};
      return svd(*a, options, context).sigma[0];
    }();
    options.method = PowerIteration{};
    options.tolerance = 1e-5;
    const SvdResult<double> result = svd(*a, options, context);
    EXPECT_EQ(result.outcome, SvdOutcome::converged);
    EXPECT_NEAR(result.sigma[0], truth, tolerance::of_estimate(options.tolerance) * truth) << seed;
  }
}

TEST(PowerIterations, SayWhenTheyRanOutOfProducts) {
  Context context(1);
  const Operator<double> a = matrix<double>(30, 30, gallery::normal(900, 3));
  auto options = repeatable<SvdOptions<double>>();
  options.method = PowerIteration{};
  options.max_products = 5;
  const SvdResult<double> result = svd(*a, options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::out_of_products);
  EXPECT_EQ(result.statistics.products, 5);
  EXPECT_GT(result.sigma[0], 0);
}

TEST(PowerIterations, AreQuickFromANearbyStart) {
  Context context(1);
  const Operator<double> a = matrix<double>(30, 25, gallery::with_singular_values(30, 25, gallery::geometric(25, 3)));
  auto options = repeatable<SvdOptions<double>>();
  options.method = PowerIteration{};
  options.check = Check::none;
  const SvdResult<double> cold = svd(*a, options, context);
  EXPECT_NE(cold.state.random, options.random);
  options.start = cold.state.subspace;
  const SvdResult<double> warm = svd(*a, options, context);
  EXPECT_LT(warm.statistics.products, cold.statistics.products / 2);
  EXPECT_EQ(warm.state.random, options.random);
  EXPECT_NEAR(warm.sigma[0], cold.sigma[0], tolerance::of_estimate(options.tolerance) * cold.sigma[0]);
}

TYPED_TEST(PowerUntil, GivesTheSameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  Context one(1), three(3);
  const Operator<T> a = matrix<T>(700, 600, gallery::normal(420000, 4));
  auto options = repeatable<SvdOptions<T>>();
  options.method = PowerIteration{Order::u_first, 4};
  const SvdResult<T> first = svd(*a, options, one), second = svd(*a, options, three);
  EXPECT_EQ(first.sigma, second.sigma);
  EXPECT_EQ(first.u, second.u);
  EXPECT_EQ(first.v, second.v);
}

}  // namespace
}  // namespace sigmax
