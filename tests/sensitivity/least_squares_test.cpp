// Backward errors and condition numbers of least squares, against problems that are really changed and golden values.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/sensitivity/linear_system.hpp"
#include "support/dense.hpp"
#include "support/enclosure.hpp"
#include "tolerance.hpp"

namespace sigmax::sensitivity {
namespace {

using dense_support::matrix;
using dense_support::tensor;
using support::expect_contains_within;
using tolerance::kOutward;
using Vector = std::vector<double>;

CertifyOptions options() { return repeatable<CertifyOptions>(); }

TEST(LeastSquaresBackwardError, AgreesWithTheGoldenExample) {
  Context context(1);
  const Vector x{.3, .4}, b{1, 1, 0};
  const auto found = least_squares_backward_error(tensor({{1, 0}, {0, 1}, {1, 1}}), x, b, options(), context);
  // The doubles next to x = (.3, .4) move A^T r, of norm .1, by |A^T A| = 3 times sqrt(2) 2^-55 at most, and the error
  // by no more than twice that share.
  constexpr double kMoved = 2 * 3 * 0x1p-54 / .1;
  expect_contains_within(found.optimal, .0744400942490947L, kMoved + tolerance::of_digits(16) / .07);
  EXPECT_TRUE(found.optimal.is_proven());
  EXPECT_LE(found.estimate, found.optimal.upper->value());
  EXPECT_GE(found.estimate * std::sqrt(2.0), found.optimal.lower.value());
}

// x solves a problem exactly (to rounding), whose matrix is then changed: the optimal error is no larger than the
// change.
TEST(LeastSquaresBackwardError, IsAtMostAnyChangeThatMakesTheSolutionExact) {
  Context context(1);
  const SerialBlas serial;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const std::int64_t m = 7, n = 3;
    const Matrix<double> before = matrix(gallery::normal(m * n, seed), m, n);
    const Vector b = gallery::normal(m, seed + 40);
    const dense_support::LongMatrix a = dense_support::in_long(before);
    dense_support::LongMatrix gram(n, std::vector<long double>(n)), right(n, std::vector<long double>(1));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t l = 0; l < m; ++l) {
        right[i][0] += a[l][i] * b[l];
        for (std::size_t j = 0; j < n; ++j) gram[i][j] += a[l][i] * a[l][j];
      }
    }
    Vector x;
    for (const auto& row : dense_support::solve(gram, right)) x.push_back(static_cast<double>(row.front()));
    Matrix<double> after = before;
    const double size = seed % 2 == 0 ? 1e-2 : 0.5;
    const std::vector<double> noise = gallery::normal(m * n, seed + 70);
    for (std::size_t i = 0; i < noise.size(); ++i) after.values()[i] += size * noise[i];
    Matrix<double> e = after;
    for (std::size_t i = 0; i < noise.size(); ++i) e.values()[i] -= before.values()[i];
    const auto found = least_squares_backward_error(tensor(after), x, b, options(), context);
    const double added = blas::norm(e.values());
    EXPECT_LE(found.optimal.lower.value(), added * (1 + tolerance::relative(m, n, 1e3)));
    EXPECT_GE(found.optimal.upper->value(), found.estimate * (1 - tolerance::relative(m, n, 1e3)));
    EXPECT_LE(found.optimal.lower.value(), found.estimate * std::sqrt(2.0) * (1 + tolerance::relative(m, n, 1e3)));
    // With a finite weight, b may change as well: the error is no larger.
    const auto both = least_squares_backward_error(tensor(after), x, b, 1.0, options(), context);
    EXPECT_LE(both.optimal.lower.value(), found.optimal.upper->value());
    // Powers of two change nothing.
    Matrix<double> large = after;
    for (double& value : large.values()) value *= 0x1p900;
    Vector c = b;
    for (double& value : c) value *= 0x1p900;
    const auto scaled = least_squares_backward_error(tensor(large), x, c, options(), context);
    EXPECT_NEAR(scaled.optimal.upper->value() * 0x1p-900, found.optimal.upper->value(),
                found.optimal.upper->value() * kOutward);
  }
}

TEST(LeastSquaresBackwardError, HasItsLimits) {
  Context context(1);
  const Tensor a = tensor({{1, 0}, {0, 1}, {1, 1}});
  const Vector b{1, 1, 2}, exact{1, 1}, zero{0, 0};
  const auto none = least_squares_backward_error(a, exact, b, options(), context);
  EXPECT_EQ(none.estimate, 0);
  EXPECT_EQ(none.optimal.lower.value(), 0);
  EXPECT_LE(none.optimal.upper->value(), 1e4 * tolerance::kUnitRoundoff * tolerance::kUnitRoundoff);
  // x = 0: |A^T b| / |b| = |(3, 3)| / sqrt 6.
  const auto at_origin = least_squares_backward_error(a, zero, b, options(), context);
  expect_contains_within(at_origin.optimal, std::sqrt(3.0), kOutward);
  EXPECT_THROW(least_squares_backward_error(a, zero, b, -1, options(), context), Error);
  EXPECT_THROW(least_squares_backward_error(a, zero, Vector{1, 2}, options(), context), Error);
}

TEST(LeastSquaresCondition, AgreesWithTheGoldenExample) {
  Context context(1);
  const Vector b{2, .0001, 4.0001};
  for (const double unit : {0x1p-990, 1.0, 0x1p990}) {
    Matrix<double> a = matrix({{1, 1}, {1, 1.0001}, {1, 1.0001}});
    for (double& value : a.values()) value *= unit;
    const LeastSquaresCondition found = least_squares_condition(tensor(a), b, context);
    // Golden values of Trefethen and Bau's example; the double nearest to 1.0001 moves kappa by kappa u.
    const double slack = tolerance::relative(3, 2, 42429, 16);
    EXPECT_NEAR(found.kappa, 42429.2354, 42429.2354 * slack + tolerance::of_digits(4));
    EXPECT_NEAR(found.solution_by_data, 54775.177, 54775.177 * slack + tolerance::of_digits(3));
    EXPECT_NEAR(found.solution_by_matrix, 1.4698832528e9, 1.4698832528e9 * slack + 0.05);
    EXPECT_NEAR(found.fit_by_matrix, found.kappa * found.fit_by_data, found.fit_by_matrix * slack);
    EXPECT_NEAR(found.kappa / (found.eta * found.cosine), found.solution_by_data, found.solution_by_data * slack);
  }
  EXPECT_TRUE(std::isinf(least_squares_condition(tensor({{1, 1}, {1, 1}, {1, 1}}), b, context).kappa));
  EXPECT_THROW(least_squares_condition(tensor({{1, 2, 3}, {4, 5, 6}}), Vector{1, 1}, context), Error);
}

}  // namespace
}  // namespace sigmax::sensitivity
