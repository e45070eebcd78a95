// The Lanczos process on diagonal matrices, whose eigenvalues are known exactly.
#include "sigmax/svd/lanczos.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

SymmetricProduct diagonal(std::vector<double> lambda) {
  return [lambda = std::move(lambda)](std::span<const double> x, std::span<double> z) {
    for (std::size_t i = 0; i < x.size(); ++i) z[i] = lambda[i] * x[i];
  };
}

// |C v - theta v|, for |v| = 1.
double residual_of(const LanczosResult& result, const std::vector<double>& lambda) {
  double sum = 0;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    const double r = (lambda[i] - result.theta) * result.vector[i];
    sum += r * r;
  }
  return std::sqrt(sum);
}

double norm_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return std::sqrt(sum);
}

TEST(Lanczos, FindsTheTopOfEverySpectrum) {
  Context context(1);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    if (spectrum.values(1)[0] > 1e100 || (spectrum.values(1)[0] < 1e-100 && spectrum.values(1)[0] > 0)) continue;
    for (const std::int64_t n : {1, 2, 3, 10, 61, 300}) {
      const std::vector<double> lambda = spectrum.values(n);
      const double top = *std::max_element(lambda.begin(), lambda.end());
      LanczosOptions options;
      const LanczosResult result = lanczos(n, diagonal(lambda), options, context);
      const double rounding = tolerance::of_matrix(n, n, top);
      EXPECT_NE(result.outcome, LanczosOutcome::out_of_products) << spectrum.name << " of order " << n;
      EXPECT_LE(result.theta, top + rounding) << spectrum.name << " of order " << n;
      EXPECT_GE(result.theta, top * (1 - tolerance::of_estimate(options.tolerance)) - rounding)
          << spectrum.name << " of order " << n;
      EXPECT_NEAR(norm_of(result.vector), 1, tolerance::relative(n, n)) << spectrum.name << " of order " << n;
      EXPECT_NEAR(residual_of(result, lambda), result.residual, rounding) << spectrum.name << " of order " << n;
    }
  }
}

TEST(Lanczos, EndsInAnInvariantSubspaceAfterAsManyStepsAsDistinctEigenvalues) {
  Context context(1);
  std::vector<double> lambda(50, 1.0);
  for (std::size_t i = 0; i < 20; ++i) lambda[i] = 2;
  const LanczosResult result = lanczos(50, diagonal(lambda), {.tolerance = 0}, context);
  EXPECT_EQ(result.outcome, LanczosOutcome::invariant_subspace);
  EXPECT_LE(result.products, 4);
  EXPECT_NEAR(result.theta, 2, tolerance::of_matrix(50, 50, 2));
}

TEST(Lanczos, RestartsWhenTheBasisIsFull) {
  Context context(1);
  const std::vector<double> lambda = gallery::spectra()[6].values(400);  // linear
  const LanczosOptions options{.max_products = 20000, .basis = 6};
  const LanczosResult result = lanczos(400, diagonal(lambda), options, context);
  EXPECT_EQ(result.outcome, LanczosOutcome::converged);
  EXPECT_GT(result.products, 6);
  EXPECT_EQ(result.recurrence.alpha.size(), 6U);
  EXPECT_EQ(result.recurrence.beta.size(), 6U);
  EXPECT_NEAR(result.theta, lambda[0], 10 * tolerance::of_estimate(options.tolerance));
}

TEST(Lanczos, SaysWhenItRanOutOfProducts) {
  Context context(1);
  const std::vector<double> lambda = gallery::geometric(500, 1.01);
  const LanczosResult result = lanczos(500, diagonal(lambda), {.tolerance = 1e-14, .max_products = 5}, context);
  EXPECT_EQ(result.outcome, LanczosOutcome::out_of_products);
  EXPECT_EQ(result.products, 5);
  EXPECT_LE(result.theta, lambda[0] * (1 + tolerance::relative(500, 500)));
  EXPECT_GT(result.theta, lambda.back());
}

TEST(Lanczos, TakesABasisOfAnySize) {
  Context context(1);
  const std::vector<double> lambda = {3, 2, 1};
  for (const std::int64_t basis : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 40}) {
    for (const std::int64_t n : {1, 3}) {
      const std::vector<double> top(lambda.begin(), lambda.begin() + n);
      const LanczosResult result = lanczos(n, diagonal(top), {.basis = basis}, context);
      EXPECT_NEAR(result.theta, 3, 3 * tolerance::of_estimate(LanczosOptions{}.tolerance))
          << "basis " << basis << " of order " << n;
    }
  }
}

TEST(Lanczos, GivesTheSameBitsFromTheSameState) {
  Context context(1);
  const std::vector<double> lambda = gallery::geometric(90, 10);
  const LanczosOptions options{.random = random_state(5)};
  const LanczosResult first = lanczos(90, diagonal(lambda), options, context);
  const LanczosResult again = lanczos(90, diagonal(lambda), options, context);
  EXPECT_EQ(first.theta, again.theta);
  EXPECT_EQ(first.vector, again.vector);
  EXPECT_NE(first.random, options.random);
  EXPECT_EQ(first.random, again.random);
  const LanczosResult next = lanczos(90, diagonal(lambda), {.random = first.random}, context);
  EXPECT_NE(first.recurrence.alpha, next.recurrence.alpha);
}

TEST(Lanczos, StopsWhenAskedTo) {
  Context context(1);
  const auto product = [&context](std::span<const double> x, std::span<double> z) {
    for (std::size_t i = 0; i < x.size(); ++i) z[i] = x[i] / static_cast<double>(i + 1);
    context.request_cancel();
  };
  EXPECT_THROW(lanczos(100, product, {}, context), Cancelled);
}

TEST(Lanczos, RefusesAnOrderBelowOne) {
  Context context(1);
  EXPECT_THROW(lanczos(0, diagonal({}), {}, context), Error);
}

}  // namespace
}  // namespace sigmax
