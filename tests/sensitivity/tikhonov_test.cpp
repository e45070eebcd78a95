// Regularized solutions against the normal equations in extended precision, and the rules that choose lambda.
#include "sigmax/sensitivity/tikhonov.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "support/dense.hpp"
#include "tolerance.hpp"

namespace sigmax::sensitivity {
namespace {

using dense_support::matrix;
using dense_support::tensor;
using Vector = std::vector<double>;

// x of (A^T A + lambda^2 I) x = A^T b.
std::vector<long double> reference(const Matrix<double>& a, const Vector& b, double lambda) {
  const dense_support::LongMatrix rows = dense_support::in_long(a);
  const std::size_t n = rows.front().size();
  dense_support::LongMatrix gram(n, std::vector<long double>(n)), right(n, std::vector<long double>(1));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t l = 0; l < rows.size(); ++l) {
      right[i][0] += rows[l][i] * b[l];
      for (std::size_t j = 0; j < n; ++j) gram[i][j] += rows[l][i] * rows[l][j];
    }
    gram[i][i] += static_cast<long double>(lambda) * lambda;
  }
  std::vector<long double> x;
  for (const auto& row : dense_support::solve(gram, right)) x.push_back(row.front());
  return x;
}

double norm(const Vector& x) {
  double square = 0;
  for (const double value : x) square += value * value;
  return std::sqrt(square);
}

Vector residual(const Matrix<double>& a, const Vector& x, const Vector& b) {
  Vector r = b;
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.columns(); ++j)
      r[static_cast<std::size_t>(i)] -= a(i, j) * x[static_cast<std::size_t>(j)];
  }
  return r;
}

struct Case {
  std::int64_t m, n;
  std::vector<double> sigma;
};
std::vector<Case> cases() {
  return {{8, 5, gallery::geometric(5, 1e3)},
          {5, 8, gallery::geometric(5, 1e3)},
          {6, 6, {3, 2, 1, 1, 0, 0}},
          {1, 4, {2}},
          {4, 1, {2}}};
}

TEST(Tikhonov, SolvesTheNormalEquations) {
  Context context(1);
  for (const Case& each : cases()) {
    const Matrix<double> a = matrix(gallery::with_singular_values(each.m, each.n, each.sigma), each.m, each.n);
    const Vector b = gallery::normal(each.m, 5);
    const Tikhonov problem(tensor(a), b, context);
    for (const double lambda : {1e-2, 0.3, 5.0}) {
      const TikhonovSolution found = problem.solve(lambda);
      const std::vector<long double> exact = reference(a, b, lambda);
      const double allowed = tolerance::relative(each.m, each.n, each.sigma.front() / lambda, 16) * norm(b) / lambda;
      for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(found.x[i], static_cast<double>(exact[i]), allowed);
      EXPECT_NEAR(found.solution_norm, norm(found.x), allowed);
      EXPECT_NEAR(found.residual_norm, norm(residual(a, found.x, b)), allowed * each.sigma.front());
      double trace = 0;
      for (std::size_t i = 0; i < each.sigma.size(); ++i) {
        const double f = each.sigma[i] * each.sigma[i] / (each.sigma[i] * each.sigma[i] + lambda * lambda);
        EXPECT_NEAR(found.filter[i], f, tolerance::relative(each.m, each.n, each.sigma.front() / lambda, 16));
        trace += f;
      }
      EXPECT_NEAR(found.degrees_of_freedom, trace,
                  tolerance::relative(each.m, each.n, 5 * each.sigma.front() / lambda, 16));
      // The condition number of [A; lambda I], formed.
      Matrix<double> stacked(each.m + each.n, each.n);
      for (std::int64_t j = 0; j < each.n; ++j) {
        std::ranges::copy(a.column(j), stacked.column(j).begin());
        stacked(each.m + j, j) = lambda;
      }
      const std::vector<long double> values = dense_support::reference_values(stacked);
      const auto condition = static_cast<double>(values.front() / values.back());
      EXPECT_NEAR(found.effective_condition, condition, condition * tolerance::relative(each.m, each.n, condition, 16));
    }
  }
}

TEST(Tikhonov, OfZeroIsTheLeastSquaresSolutionOfLeastNorm) {
  Context context(1);
  const Tikhonov problem(tensor({{1, 1}, {1, 1}}), Vector{3, 1}, context);
  const TikhonovSolution found = problem.solve(0);
  for (const double value : found.x) EXPECT_NEAR(value, 1, tolerance::relative(2, 2, 2, 16));
  EXPECT_NEAR(found.degrees_of_freedom, 1, tolerance::kEpsilon);
}

TEST(Tikhonov, OfAnOperatorAgreesWithTheMatrixAndKnowsItsDistanceFromOptimal) {
  Context context(1);
  for (const Case& each : cases()) {
    const Matrix<double> a = matrix(gallery::with_singular_values(each.m, each.n, each.sigma), each.m, each.n);
    const Vector b = gallery::normal(each.m, 9);
    const Tikhonov whole(tensor(a), b, context);
    const Operator<double> op = dense<double>(tensor(a));
    for (const std::int64_t steps : {1, 2, 3, 20}) {
      const Tikhonov part(*op, std::span<const double>(b), steps, context);
      for (const double lambda : {0.05, 0.7}) {
        const TikhonovSolution found = part.solve(lambda);
        const Vector r = residual(a, found.x, b);
        const double slack = tolerance::relative(each.m, each.n, 64) * norm(b) * each.sigma.front();
        double gradient = 0;
        for (std::int64_t j = 0; j < each.n; ++j) {
          double sum = -lambda * lambda * found.x[static_cast<std::size_t>(j)];
          for (std::int64_t i = 0; i < each.m; ++i) sum += a(i, j) * r[static_cast<std::size_t>(i)];
          gradient += sum * sum;
        }
        EXPECT_NEAR(std::sqrt(gradient), part.optimality(lambda) * part.sigma().front() * norm(b), slack);
        EXPECT_NEAR(found.residual_norm, norm(r), slack);
        if (steps < 20) continue;
        EXPECT_LE(part.optimality(lambda), slack);
        const double allowed = tolerance::relative(each.m, each.n, each.sigma.front() / lambda, 64) * norm(b) / lambda;
        const TikhonovSolution exact = whole.solve(lambda);
        for (std::size_t i = 0; i < exact.x.size(); ++i) EXPECT_NEAR(found.x[i], exact.x[i], allowed);
      }
    }
  }
}

TEST(Tikhonov, TakesAnOpaqueOperatorInFloatToATolerance) {
  Context context(1);
  const std::int64_t m = 60, n = 40;
  const Matrix<double> a = matrix(gallery::with_singular_values(m, n, gallery::geometric(n, 1e4)), m, n);
  const Vector b = gallery::normal(m, 3);
  const std::vector<float> c(b.begin(), b.end());
  const Operator<float> op = dense<float>(tensor(a));
  constexpr double kLambda = 0.05, kTolerance = 1e-4;
  const Tikhonov found = tikhonov_to_tolerance(*op, std::span<const float>(c), kLambda, kTolerance, 64, context);
  EXPECT_LE(found.optimality(kLambda), kTolerance);
  EXPECT_LT(std::ssize(found.sigma()), n);
}

TEST(Tikhonov, ChoosesTheGoldenParameters) {
  Context context(1);
  const Matrix<double> h = dense_support::hilbert(6);
  for (const double unit : {0x1p-900, 1.0, 0x1p900}) {
    Matrix<double> a = h;
    for (double& value : a.values()) value *= unit;
    Vector b;
    for (std::int64_t i = 0; i < 6; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < 6; ++j) sum += h(i, j);
      b.push_back(sum + (i % 2 == 0 ? 1e-3 : -1e-3));
    }
    const Tikhonov problem(tensor(a), b, context);
    // Golden values. Rounding of A and b moves c_i by u, which is 1e-13 of the noise: far less than these digits show
    // in lambda, except where a search compares values of a function, which leaves the root of rounding.
    const double root = std::sqrt(tolerance::relative(6, 6, 1e3));
    const std::vector<Chosen> gcv = problem.by_gcv();
    ASSERT_EQ(gcv.size(), 1U);
    EXPECT_NEAR(gcv[0].lambda / unit, .00396874582514989, .00396874582514989 * tolerance::relative(6, 6, 1e6));
    const std::optional<Chosen> discrepancy = problem.by_discrepancy(1e-3 * std::sqrt(6.0));
    ASSERT_TRUE(discrepancy.has_value());
    EXPECT_NEAR(discrepancy->lambda / unit, .00786693294501198, .00786693294501198 * tolerance::relative(6, 6, 1e6));
    const std::vector<Chosen> corners = problem.by_l_curve();
    ASSERT_GE(corners.size(), 3U);
    const auto nearest = [&](double lambda) {
      double best = std::numeric_limits<double>::infinity();
      for (const Chosen& corner : corners) best = std::min(best, std::fabs(corner.lambda / unit / lambda - 1));
      return best;
    };
    EXPECT_LE(nearest(.0015222414115), root);
    EXPECT_LE(nearest(6.04e-6), tolerance::of_digits(2) / 6.04);
    EXPECT_LE(nearest(.267), tolerance::of_digits(3) / .267);
    // The lambda with the least error, which no rule knows: golden sections of |x - 1|.
    const auto error = [&](double log_lambda) {
      Vector x = problem.solve(std::exp(log_lambda) * unit).x;
      for (double& value : x) value = value * unit - 1;
      return norm(x);
    };
    double low = std::log(1e-3), high = std::log(0.05);
    for (int section = 0; section < 60; ++section) {
      const double left = low + 0.382 * (high - low), right = low + 0.618 * (high - low);
      (error(left) < error(right) ? high : low) = error(left) < error(right) ? right : left;
    }
    EXPECT_NEAR(std::exp(low), .0069540339, .0069540339 * root);
    EXPECT_TRUE(std::is_sorted(corners.begin(), corners.end(),
                               [](const Chosen& x, const Chosen& y) { return x.value > y.value; }));
  }
}

TEST(Tikhonov, MeetsTheDiscrepancyOrSaysThatNoLambdaDoes) {
  Context context(1);
  for (const Case& each : cases()) {
    const Matrix<double> a = matrix(gallery::with_singular_values(each.m, each.n, each.sigma), each.m, each.n);
    const Vector b = gallery::normal(each.m, 4);
    const Tikhonov problem(tensor(a), b, context);
    const double least = problem.solve(0).residual_norm;
    for (const double share : {0.1, 0.5, 0.9}) {
      const double noise = least + share * (norm(b) - least);
      const std::optional<Chosen> found = problem.by_discrepancy(noise);
      ASSERT_TRUE(found.has_value());
      EXPECT_NEAR(problem.solve(found->lambda).residual_norm, noise, tolerance::relative(each.m, each.n, norm(b), 16));
    }
    EXPECT_FALSE(problem.by_discrepancy(norm(b) * 1.01).has_value());
    if (least > 0.01 * norm(b)) {
      EXPECT_FALSE(problem.by_discrepancy(0.99 * least).has_value());
    }
  }
}

TEST(Tikhonov, RefusesWhatIsNoProblem) {
  Context context(1);
  const Tensor a = tensor({{1, 2}, {3, 4}});
  EXPECT_THROW(Tikhonov(a, Vector{1, 2, 3}, context), Error);
  EXPECT_THROW(Tikhonov(a, Vector{1, NAN}, context), Error);
  EXPECT_THROW(Tikhonov(tensor({{1, NAN}, {3, 4}}), Vector{1, 2}, context), Error);
  EXPECT_THROW(Tikhonov(Tensor::copy_of(Vector{}, {0, 2}), {}, context), Error);
  const Vector b{1, 2}, hole{1, NAN}, zero{0, 0};
  const Operator<double> op = dense<double>(a);
  EXPECT_THROW(Tikhonov(*op, std::span<const double>(b), 0, context), Error);
  EXPECT_THROW(Tikhonov(*op, std::span<const double>(hole), 1, context), Error);
  const Tikhonov problem(a, b, context);
  EXPECT_THROW(problem.solve(-1), Error);
  EXPECT_THROW(problem.solve(NAN), Error);
  EXPECT_THROW(problem.by_discrepancy(NAN), Error);
  const Tikhonov nothing(*op, std::span<const double>(zero), 2, context);
  EXPECT_EQ(nothing.solve(1).x, zero);
  EXPECT_TRUE(nothing.by_gcv().empty());
  EXPECT_TRUE(nothing.by_l_curve().empty());
  const Tikhonov of_zero(tensor({{0, 0}, {0, 0}}), b, context);
  EXPECT_EQ(of_zero.solve(1).x, zero);
  EXPECT_EQ(of_zero.solve(1).effective_condition, 1);
  EXPECT_TRUE(std::isinf(of_zero.solve(0).effective_condition));
}

}  // namespace
}  // namespace sigmax::sensitivity
