// LAPACK's triplets of every spectrum, at both ends, and the path through the Gram matrix.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/svd/svd.hpp"
#include "svd/dense_checks.hpp"

namespace sigmax {
namespace {

template <Real T>
SvdOptions<T> options_of(std::int64_t k, Which which) {
  auto options = repeatable<SvdOptions<T>>();
  options.k = k;
  options.which = which;
  options.method = DenseLapack{};
  return options;
}

template <class T>
class DenseLapackTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(DenseLapackTest, Types);

TYPED_TEST(DenseLapackTest, FindsBothEndsOfEverySpectrum) {
  Context context(2);
  for (const Which which : {Which::largest, Which::smallest}) {
    checks::expect_triplets_of_every_spectrum<TypeParam>(
        [&](std::int64_t k) { return options_of<TypeParam>(k, which); }, context);
  }
}

// For large enough matrices a few of the largest triplets come from the Gram matrix, unless that would be worse.
TYPED_TEST(DenseLapackTest, LosesNothingByTheGramMatrix) {
  Context context(2);
  for (const Shape shape : {Shape{80, 70}, {70, 80}, {150, 70}}) {
    for (const double kappa : {1.0, 10.0, 1e3, 1e6, 1e9, 1e12}) {
      const std::vector<double> sigma = gallery::geometric(70, kappa);
      checks::expect_triplets(sigma, shape, options_of<TypeParam>(12, Which::largest), "geometric", context);
    }
    std::vector<double> few(70, 0.0);
    std::fill_n(few.begin(), 5, 1.0);
    checks::expect_triplets(few, shape, options_of<TypeParam>(10, Which::largest), "rank 5", context);
  }
}

TEST(DenseLapack, KnowsTheValueBehind) {
  Context context(1);
  for (const Shape shape : {Shape{80, 70}, {20, 18}}) {
    const std::vector<double> sigma = gallery::geometric(std::min(shape.rows, shape.columns), 100);
    SvdOptions<double> options = options_of<double>(3, Which::largest);
    options.check = Check::none;
    const auto result = checks::expect_triplets(sigma, shape, options, "geometric", context);
    ASSERT_TRUE(result.next.has_value());
    EXPECT_NEAR(*result.next, sigma[3], tolerance::of_gram_root(shape.rows, shape.columns, 1, sigma[3]));
    EXPECT_TRUE(std::holds_alternative<DenseLapack>(result.statistics.method));
    EXPECT_EQ(result.statistics.reads, 1);
    EXPECT_EQ(result.statistics.products, 0);
  }
}

TEST(DenseLapack, GivesTheSameBitsForAnyNumberOfThreads) {
  const Tensor tensor = Tensor::copy_of(gallery::normal(90 * 80, 5), {90, 80});
  const Operator<double> a = dense<double>(tensor);
  for (const std::int64_t k : {2, 60}) {
    Context one(1), three(3);
    const auto first = svd(*a, options_of<double>(k, Which::largest), one);
    const auto second = svd(*a, options_of<double>(k, Which::largest), three);
    EXPECT_EQ(first.sigma, second.sigma);
    EXPECT_EQ(first.u, second.u);
    EXPECT_EQ(first.v, second.v);
  }
}

TEST(DenseLapack, RefusesEntriesThatAreNotFinite) {
  Context context(1);
  for (const double value : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    std::vector<double> values = gallery::normal(20, 3);
    values[7] = value;
    const Operator<double> a = dense<double>(Tensor::copy_of(values, {4, 5}));
    EXPECT_THROW(svd(*a, options_of<double>(1, Which::largest), context), Error);
    EXPECT_THROW(svd(*a, options_of<double>(1, Which::smallest), context), Error);
  }
}

}  // namespace
}  // namespace sigmax
