#include "sigmax/sensitivity/nearest_singular.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::sensitivity {
namespace {

using Values = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ConditionOptions options_for_tests() { return {repeatable<CertifyOptions>()}; }

double vector_norm(const Values& x, double p) {
  double sum = 0;
  for (const double value : x)
    sum = p == kInfinity ? std::max(sum, std::fabs(value)) : sum + std::pow(std::fabs(value), p);
  return p == kInfinity ? sum : std::pow(sum, 1 / p);
}

double dual_of(double p) { return p == 1 ? kInfinity : p == kInfinity ? 1 : p / (p - 1); }

// |E|_{p->q} = size |x|_q |y|_p* is the distance, and A + E is singular except for rounding. `size` is computed: the
// roundings of an inverse are u kappa each, and add up as the root of their number.
void expect_nearest(const Values& values, std::int64_t rows, std::int64_t columns, double kappa,
                    const NearestSingular& e, double p, double q) {
  const double size = e.size * vector_norm(e.x, q) * vector_norm(e.y, dual_of(p));
  const double rounding =
      tolerance::kSmallProof + std::sqrt(static_cast<double>(std::max(rows, columns))) * tolerance::kEpsilon * kappa;
  EXPECT_GE(size, e.distance.lower.value() * (1 - rounding));
  if (e.distance.upper) {
    EXPECT_LE(size, e.distance.upper->value() * (1 + rounding));
  }
  Values changed = values;
  for (std::size_t i = 0; i < e.x.size(); ++i) {
    for (std::size_t j = 0; j < e.y.size(); ++j) changed[i * e.y.size() + j] += e.entry(i, j);
  }
  const auto sigma =
      gallery::reference_singular_values(changed, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
  EXPECT_LE(static_cast<double>(sigma.back()), tolerance::of_matrix(rows, columns, static_cast<double>(sigma.front())));
}

TEST(NearestSingular, IsTheNearestAndSingularInEachNorm) {
  Context context(1);
  const std::vector<std::pair<norms::Norm, double>> norms = {
      {norms::ColumnSum{}, 1}, {norms::Spectral{}, 2}, {norms::Frobenius{}, 2}, {norms::RowSum{}, kInfinity}};
  for (const double kappa : {3.0, 1e3, 1e6}) {
    for (const std::int64_t n : {2, 7, 20}) {
      const Values values = gallery::with_singular_values(n, n, gallery::geometric(n, kappa), 3);
      const Tensor a = Tensor::rounded(values, {n, n}, DType::f64);
      for (const auto& [norm, p] : norms) {
        expect_nearest(values, n, n, kappa, nearest_singular(a, norm, options_for_tests(), context), p, p);
      }
    }
  }
}

// In the 2-norm a rank-one E has the same size in the Frobenius norm.
TEST(NearestSingular, OfARectangleIsTheTruncatedDecomposition) {
  Context context(1);
  const Values values = gallery::with_singular_values(9, 5, gallery::geometric(5, 100), 5);
  const NearestSingular e =
      nearest_singular(Tensor::rounded(values, {9, 5}, DType::f64), norms::Frobenius{}, options_for_tests(), context);
  expect_nearest(values, 9, 5, 100, e, 2, 2);
  EXPECT_NEAR(e.size, 0.01, tolerance::of_matrix(9, 5, 1));
  EXPECT_THROW(
      nearest_singular(Tensor::rounded(values, {9, 5}, DType::f64), norms::ColumnSum{}, options_for_tests(), context),
      Error);
}

TEST(NearestSingular, OfTheTwoByTwoMatrixHasTheKnownDistances) {
  Context context(1);
  const Tensor m = Tensor::rounded(Values{1, 2, -3, 4}, {2, 2}, DType::f64);
  // Relative to |m|, 6 and 7.
  EXPECT_NEAR(nearest_singular(m, norms::ColumnSum{}, options_for_tests(), context).size, 10.0 / 7,
              tolerance::of_matrix(2, 2, 6));
  EXPECT_NEAR(nearest_singular(m, norms::RowSum{}, options_for_tests(), context).size, 5.0 / 3,
              tolerance::of_matrix(2, 2, 7));
}

// For p -> q a search finds the vector; the distance may lie below by the width of its enclosure.
TEST(NearestSingular, OfPairsOfExponentsIsSingular) {
  Context context(1);
  const Values values = gallery::with_singular_values(6, 6, gallery::geometric(6, 30), 2);
  const Tensor a = Tensor::rounded(values, {6, 6}, DType::f64);
  for (const auto& [p, q] :
       {std::pair{1.0, kInfinity}, std::pair{3.0, 3.0}, std::pair{2.0, 1.0}, std::pair{1.0, 2.0}}) {
    const NearestSingular e = nearest_singular(a, p, q, options_for_tests(), context);
    expect_nearest(values, 6, 6, 30, e, p, q);
  }
}

TEST(NearestSingular, OfAnOperatorIsFoundByItsProducts) {
  Context context(1);
  constexpr double kKappa = 1e3;
  for (const auto& [rows, columns] : {std::pair{7, 7}, std::pair{12, 5}, std::pair{5, 12}}) {
    const Values values =
        gallery::with_singular_values(rows, columns, gallery::geometric(std::min(rows, columns), kKappa), 3);
    Values half = values;
    for (double& value : half) value /= 2;
    const Operator<double> a = dense<double>(Tensor::rounded(half, {rows, columns}, DType::f64));
    for (const norms::Norm& which : {norms::Norm(norms::Spectral{}), norms::Norm(norms::Frobenius{})}) {
      const NearestSingular e = nearest_singular(*(a + a), which, options_for_tests(), context);
      expect_nearest(values, rows, columns, kKappa, e, 2, 2);
      EXPECT_LE(e.distance.relative_width(), tolerance::width_of_smallest(rows, columns, kKappa));
    }
    EXPECT_THROW(nearest_singular(*(a + a), norms::ColumnSum{}, options_for_tests(), context), Error);
  }
}

TEST(NearestSingular, OfASingularMatrixIsItself) {
  Context context(1);
  const NearestSingular e = nearest_singular(Tensor::rounded(Values{1, 1, 1, 1}, {2, 2}, DType::f64), norms::RowSum{},
                                             options_for_tests(), context);
  EXPECT_EQ(e.size, 0);
  EXPECT_EQ(e.distance.upper->value(), 0);
  EXPECT_THROW(nearest_singular(Tensor::rounded(Values{1, 2, 2, 4}, {2, 2}, DType::f64), norms::RowSum{},
                                options_for_tests(), context),
               Error);
}

TEST(NearestSingular, IsSafeAtEveryScale) {
  Context context(1);
  for (const double scale : {0x1p-980, 0x1p980}) {
    const Tensor m = Tensor::rounded(Values{1 * scale, 2 * scale, -3 * scale, 4 * scale}, {2, 2}, DType::f64);
    EXPECT_NEAR(nearest_singular(m, norms::ColumnSum{}, options_for_tests(), context).size / scale, 10.0 / 7,
                tolerance::of_matrix(2, 2, 6));
    EXPECT_NEAR(nearest_singular(m, norms::Spectral{}, options_for_tests(), context).size / scale, 1.95439507584854796,
                tolerance::of_triplets(2, 2) * 5.2);
  }
}

}  // namespace
}  // namespace sigmax::sensitivity
