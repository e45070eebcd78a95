// The largest singular triplet of matrices with known singular values.
#include "sigmax/svd/svd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

// |x|, and |x - factor y| where a second vector is given, in long double: huge and tiny vectors have norms.
long double distance(const std::vector<double>& x, const std::vector<double>& y = {}, long double factor = 0) {
  long double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double d = x[i] - (y.empty() ? 0.0L : factor * y[i]);
    sum += d * d;
  }
  return std::sqrt(sum);
}

void check(const std::vector<double>& sigma, std::int64_t rows, std::int64_t columns, const std::string& name,
           Context& context) {
  const std::string what = name + " " + std::to_string(rows) + "x" + std::to_string(columns);
  const double top = *std::max_element(sigma.begin(), sigma.end());
  const Tensor tensor = Tensor::copy_of(gallery::with_singular_values(rows, columns, sigma), {rows, columns});
  const Operator<double> a = dense<double>(tensor);
  const SvdOptions<double> options;
  const SvdResult<double> result = svd(*a, options, context);
  const double rounding = tolerance::of_matrix(rows, columns, top);
  EXPECT_NE(result.outcome, LanczosOutcome::out_of_products) << what;
  EXPECT_LE(result.sigma, top + rounding) << what;
  EXPECT_GE(result.sigma, top * (1 - tolerance::of_estimate(options.tolerance)) - rounding) << what;
  ASSERT_EQ(result.u.size(), static_cast<std::size_t>(rows)) << what;
  ASSERT_EQ(result.v.size(), static_cast<std::size_t>(columns)) << what;
  const double unit = tolerance::relative(rows, columns);
  EXPECT_NEAR(static_cast<double>(distance(result.v)), 1, unit) << what;
  EXPECT_NEAR(static_cast<double>(distance(result.u)), top > 0 ? 1 : 0, unit) << what;

  // A v = sigma u, and |A^T u - sigma v| = residual sigma_max.
  std::vector<double> image(result.u.size());
  std::vector<double> back(result.v.size());
  a->apply(std::span<const double>(result.v), std::span<double>(image), context);
  a->apply_adjoint(std::span<const double>(result.u), std::span<double>(back), context);
  EXPECT_LE(distance(image, result.u, result.sigma), rounding) << what;
  EXPECT_NEAR(static_cast<double>(distance(back, result.v, result.sigma)) / (top > 0 ? top : 1), result.residual, unit)
      << what;
}

TEST(Svd, FindsTheTopOfEverySpectrum) {
  Context context(2);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    for (const auto& [rows, columns] : {std::pair{40, 40}, {60, 25}, {25, 60}, {1, 30}, {30, 1}, {1, 1}, {2, 2}}) {
      check(spectrum.values(std::min(rows, columns)), rows, columns, spectrum.name, context);
    }
  }
}

TEST(Svd, ReachesFullPrecisionWhenAsked) {
  Context context(2);
  const std::vector<double> sigma = gallery::geometric(80, 1e3);
  const std::vector<double> values = gallery::with_singular_values(90, 80, sigma);
  const auto result = svd(*dense<double>(Tensor::copy_of(values, {90, 80})), {.tolerance = 1e-15}, context);
  EXPECT_NEAR(result.sigma, 1, tolerance::relative(90, 80));
}

TEST(Svd, KnowsSingleEntriesAtTheEdgesOfTheRange) {
  Context context(1);
  for (const double value : {5e-324, 1e-310, 2.3e-308, 1e-200, 1.0, 1e200, 1.7e308}) {
    const auto result = svd(*dense<double>(Tensor::copy_of(std::vector<double>{-value}, {1, 1})), {}, context);
    const double rounding = tolerance::of_matrix(1, 1, value);
    EXPECT_NEAR(result.sigma, value, rounding);
    EXPECT_NEAR(result.v[0] * result.u[0], -1, tolerance::relative(1, 1)) << value;
  }
}

TEST(Svd, GivesTheSameBitsForAnyNumberOfThreads) {
  const Tensor tensor = Tensor::rounded(gallery::normal(900 * 600, 2), {900, 600}, DType::f32);
  Context one(1);
  const auto first = svd(*dense<double>(tensor), {}, one);
  for (const int threads : {2, 3}) {
    Context context(threads);
    const auto result = svd(*dense<double>(tensor), {}, context);
    EXPECT_EQ(result.sigma, first.sigma);
    EXPECT_EQ(result.u, first.u);
    EXPECT_EQ(result.v, first.v);
    EXPECT_EQ(result.products, first.products);
  }
}

TEST(Svd, ContinuesFromTheStateThatItReturned) {
  Context context(1);
  const Operator<double> a = dense<double>(Tensor::copy_of(gallery::normal(20 * 30, 8), {20, 30}));
  const SvdOptions<double> options{.random = random_state(3)};
  const auto first = svd(*a, options, context);
  const auto second = svd(*a, {.random = first.random}, context);
  EXPECT_NE(first.random, options.random);
  EXPECT_NEAR(first.sigma, second.sigma, tolerance::of_estimate(options.tolerance) * first.sigma);
  EXPECT_NE(first.recurrence.alpha, second.recurrence.alpha);
}

TEST(Svd, SaysWhenItRanOutOfProducts) {
  Context context(1);
  const Operator<double> a = dense<double>(Tensor::copy_of(gallery::normal(100 * 100, 8), {100, 100}));
  const auto result = svd(*a, {.max_products = 3}, context);
  EXPECT_EQ(result.outcome, LanczosOutcome::out_of_products);
  EXPECT_EQ(result.products, 3);
  EXPECT_GT(result.sigma, 0);
  EXPECT_GT(result.residual, 0);
}

TEST(Svd, RefusesAnOperatorWithoutRowsOrColumns) {
  Context context(1);
  EXPECT_THROW(svd(*dense<double>(Tensor(DType::f32, {0, 4}, nullptr, nullptr)), {}, context), Error);
  EXPECT_THROW(svd(*dense<double>(Tensor(DType::f32, {4, 0}, nullptr, nullptr)), {}, context), Error);
}

}  // namespace
}  // namespace sigmax
