// The smallest triplets, also if they are zero or hidden behind zero ones.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/svd/svd.hpp"
#include "svd/dense_checks.hpp"

namespace sigmax {
namespace {

template <Real T>
SvdOptions<T> options_of(std::int64_t k) {
  auto options = repeatable<SvdOptions<T>>();
  options.k = k;
  options.which = Which::smallest;
  options.method = InverseLanczos{};
  options.accuracy = Accuracy::vectors;
  options.tolerance = tolerance::kEpsilon;  // as far as rounding allows
  return options;
}

template <class T>
class InverseLanczosTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(InverseLanczosTest, Types);

TYPED_TEST(InverseLanczosTest, FindsTheSmallEndOfEverySpectrum) {
  Context context(2);
  checks::expect_triplets_of_every_spectrum<TypeParam>([](std::int64_t k) { return options_of<TypeParam>(k); },
                                                       context);
}

TYPED_TEST(InverseLanczosTest, FindsThemForEveryCondition) {
  Context context(2);
  for (const Shape shape : {Shape{60, 60}, {80, 50}, {50, 80}}) {
    const std::int64_t least = std::min(shape.rows, shape.columns);
    for (const double kappa : {1.0, 1e2, 1e4, 1e8, 1e12, 1e16}) {
      for (const std::int64_t k : {1, 4}) {
        checks::expect_triplets(gallery::geometric(least, kappa), shape, options_of<TypeParam>(k), "geometric",
                                context);
      }
    }
  }
}

// Values far apart at the small end: those that the inverse of the smallest swamps are found without it.
TYPED_TEST(InverseLanczosTest, SeesBehindValuesThatAreMuchSmaller) {
  Context context(2);
  for (const std::vector<double>& small : std::vector<std::vector<double>>{
           {1e-2, 0}, {1e-3, 1e-9}, {1e-1, 1e-5, 1e-10}, {1e-2, 2e-2, 0, 0}, {0.5, 0, 0, 0}, {1e-4, 1e-8, 1e-12, 0}}) {
    for (const Shape shape : {Shape{50, 50}, {70, 40}}) {
      std::vector<double> sigma = gallery::geometric(std::min(shape.rows, shape.columns), 1);
      std::copy(small.begin(), small.end(), sigma.end() - static_cast<std::ptrdiff_t>(small.size()));
      const auto k = static_cast<std::int64_t>(small.size());
      checks::expect_triplets(sigma, shape, options_of<TypeParam>(k), std::to_string(small.front()), context);
    }
  }
}

// Exactly: equal rows, rows and columns of zeros.
TEST(InverseLanczos, TakesExactlySingularMatrices) {
  Context context(1);
  std::vector<double> equal = gallery::normal(5 * 6, 2);
  std::copy_n(equal.begin(), 6, equal.begin() + 12);
  std::vector<double> empty_column = gallery::normal(5 * 6, 3);
  for (std::size_t i = 0; i < 5; ++i) empty_column[6 * i + 2] = 0;
  std::vector<double> empty_rows = gallery::normal(5 * 6, 4);
  std::fill_n(empty_rows.begin(), 12, 0.0);
  for (const auto& values :
       {equal, empty_column, empty_rows, std::vector<double>(30, 0.0), std::vector<double>(30, 1.0)}) {
    for (const Shape shape : {Shape{5, 6}, {6, 5}}) {
      const Operator<double> a = dense<double>(Tensor::copy_of(values, {shape.rows, shape.columns}));
      for (const std::int64_t k : {1, 2, 5}) {
        SvdOptions<double> lapack = options_of<double>(k);
        lapack.method = DenseLapack{};
        const auto wanted = svd(*a, lapack, context);
        const auto found = svd(*a, options_of<double>(k), context);
        const double rounding = tolerance::of_triplets(5, 6) * 10;
        for (std::size_t i = 0; i < wanted.sigma.size(); ++i) EXPECT_NEAR(found.sigma[i], wanted.sigma[i], rounding);
        EXPECT_LE(checks::largest_residual<double>(values, found), rounding);
        EXPECT_LE(checks::orthonormality_error(found.u), tolerance::relative_in<double>(5, 6));
        EXPECT_LE(checks::orthonormality_error(found.v), tolerance::relative_in<double>(5, 6));
      }
    }
  }
}

TEST(InverseLanczos, KnowsValuesBetterThanVectors) {
  Context context(2);
  for (const double kappa : {10.0, 1e4}) {
    const std::vector<double> sigma = gallery::geometric(60, kappa);
    const std::vector<double> values = gallery::with_singular_values(80, 60, sigma);
    const Operator<double> a = dense<double>(Tensor::copy_of(values, {80, 60}));
    for (const double stop : {1e-3, 1e-6, 1e-10}) {
      SvdOptions<double> options = options_of<double>(2);
      options.accuracy = Accuracy::values;
      options.tolerance = stop;
      const auto result = svd(*a, options, context);
      EXPECT_EQ(result.outcome, SvdOutcome::converged);
      for (std::size_t i = 0; i < 2; ++i) {
        const double exact = sigma[58 + i];
        EXPECT_NEAR(result.sigma[i], exact, tolerance::of_estimate(stop) * exact + tolerance::of_matrix(80, 60, 1));
      }
    }
  }
}

TEST(InverseLanczos, StopsWhenItIsOutOfProducts) {
  Context context(1);
  const Operator<double> a = dense<double>(Tensor::copy_of(gallery::normal(60 * 60, 8), {60, 60}));
  SvdOptions<double> options = options_of<double>(3);
  options.max_products = 4;
  const auto result = svd(*a, options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::out_of_products);
  EXPECT_EQ(result.sigma.size(), 3U);
  EXPECT_LE(checks::orthonormality_error(result.v), tolerance::relative(60, 60));
}

TEST(InverseLanczos, GivesTheSameBitsForAnyNumberOfThreads) {
  const Operator<double> a = dense<double>(Tensor::copy_of(gallery::normal(90 * 80, 5), {90, 80}));
  Context one(1), three(3);
  const auto first = svd(*a, options_of<double>(3), one);
  const auto second = svd(*a, options_of<double>(3), three);
  EXPECT_EQ(first.sigma, second.sigma);
  EXPECT_EQ(first.u, second.u);
  EXPECT_EQ(first.v, second.v);
}

TEST(InverseLanczos, RefusesEntriesThatAreNotFinite) {
  Context context(1);
  for (const double value : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    std::vector<double> values = gallery::normal(20, 3);
    values[7] = value;
    const Operator<double> a = dense<double>(Tensor::copy_of(values, {4, 5}));
    EXPECT_THROW(svd(*a, options_of<double>(1), context), Error);
  }
}

}  // namespace
}  // namespace sigmax
