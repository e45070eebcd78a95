// Backward and forward errors, against systems that are really changed and solutions in extended precision.
#include "sigmax/sensitivity/linear_system.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/sensitivity/condition.hpp"
#include "support/dense.hpp"
#include "support/enclosure.hpp"
#include "tolerance.hpp"

namespace sigmax::sensitivity {
namespace {

using dense_support::matrix;
using dense_support::tensor;
using support::expect_contains_within;
using Vector = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using tolerance::kOutward;

CertifyOptions options() { return repeatable<CertifyOptions>(); }

long double norm(const std::vector<long double>& x) {
  long double largest = 0;
  for (const long double value : x) largest = std::max(largest, std::fabs(value));
  if (largest == 0) return 0;
  long double square = 0;
  for (const long double value : x) square += (value / largest) * (value / largest);
  return largest * std::sqrt(square);
}
long double norm(const Vector& x) { return norm(std::vector<long double>(x.begin(), x.end())); }

std::vector<long double> residual(const Matrix<double>& a, const Vector& x, const Vector& b) {
  std::vector<long double> r(b.begin(), b.end());
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.columns(); ++j) {
      r[static_cast<std::size_t>(i)] -= static_cast<long double>(a(i, j)) * x[static_cast<std::size_t>(j)];
    }
  }
  return r;
}

TEST(BackwardErrors, AgreeWithTheGoldenExample) {
  Context context(1);
  const Vector x{1.01, 2}, b{5, 11};
  const bounds::BackwardErrors found = backward_errors(tensor({{1, 2}, {3, 4}}), x, b, options(), context);
  // The residual of x = (1.01, 2) is -.01 (1, 3). The double next to 1.01 moves it by the same factor.
  const long double moved = std::fabs(1.01L - x[0]) / .01L;
  expect_contains_within(found.normwise, .0012998690546108608L, moved + tolerance::of_digits(19) / .0012);
  expect_contains_within(found.componentwise, 3.0L / 2203, moved + tolerance::kExtended);
  EXPECT_TRUE(found.normwise.is_proven());
  EXPECT_LE(found.componentwise.relative_width(), kOutward);
}

// The change that the theorem promises, formed: (A + E) x = b + f, with |E| = e |A| and |f| = e |b|.
TEST(BackwardErrors, AreThoseOfChangesThatSolveTheSystem) {
  Context context(1);
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const std::int64_t m = 5, n = 4;
    const Matrix<double> a = matrix(gallery::normal(m * n, seed), m, n);
    const Vector x = gallery::normal(n, seed + 50), b = gallery::normal(m, seed + 90);
    const bounds::BackwardErrors found = backward_errors(tensor(a), x, b, options(), context);
    const std::vector<long double> r = residual(a, x, b);
    const long double of_a = dense_support::reference_values(a).front();
    const long double exact = norm(r) / (of_a * norm(x) + norm(b));
    EXPECT_LE(found.normwise.lower.value(), exact * (1 + tolerance::kExtended));
    EXPECT_GE(found.normwise.upper->value(), exact * (1 - tolerance::kExtended));
    // E = share r x^T / |x|^2, f = -(1 - share) r.
    const long double share = of_a * norm(x) / (of_a * norm(x) + norm(b));
    EXPECT_LE(share * norm(r) / norm(x) / of_a, found.normwise.upper->value() * (1 + tolerance::kExtended));
    EXPECT_LE((1 - share) * norm(r) / norm(b), found.normwise.upper->value() * (1 + tolerance::kExtended));
    long double largest = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
      long double size = std::fabs(b[i]);
      for (std::size_t j = 0; j < x.size(); ++j) {
        size +=
            std::fabs(static_cast<long double>(a(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j))) * x[j]);
      }
      largest = std::max(largest, std::fabs(r[i]) / size);
    }
    EXPECT_LE(found.componentwise.lower.value(), largest * (1 + tolerance::kExtended));
    EXPECT_GE(found.componentwise.upper->value(), largest * (1 - tolerance::kExtended));
    // One product computed in double by the operator.
    const double computed = backward_error<double>(*dense<double>(tensor(a)), x, b, context);
    EXPECT_NEAR(computed, static_cast<double>(exact), tolerance::relative(m, n, 1, 16));
  }
}

TEST(BackwardErrors, DoNotDependOnTheScaleOfTheProblem) {
  Context context(1);
  const Matrix<double> a = matrix({{1, 2}, {3, 4}});
  const Vector x{1.25, 2}, b{5, 11};
  const bounds::BackwardErrors plain = backward_errors(tensor(a), x, b, options(), context);
  for (const double of_a : {0x1p-990, 0x1p-500, 0x1p990}) {
    for (const double of_x : {0x1p-30, 1.0, 0x1p30}) {
      Matrix<double> scaled = a;
      for (double& value : scaled.values()) value *= of_a;
      const Vector y{x[0] * of_x, x[1] * of_x}, c{b[0] * of_x * of_a, b[1] * of_x * of_a};
      const bounds::BackwardErrors found = backward_errors(tensor(scaled), y, c, options(), context);
      expect_contains_within(found.componentwise, plain.componentwise.lower.value(), kOutward);
      expect_contains_within(found.normwise, plain.normwise.lower.value(), kOutward);
      EXPECT_NEAR(found.normwise.relative_width(), plain.normwise.relative_width(), kOutward);
    }
  }
}

TEST(BackwardErrors, OfAnExactSolutionAreZeroAndOfZeroAreOne) {
  Context context(1);
  const Vector x{1, 2}, b{5, 11}, zero{0, 0};
  const Tensor a = tensor({{1, 2}, {3, 4}});
  const bounds::BackwardErrors exact = backward_errors(a, x, b, options(), context);
  EXPECT_EQ(exact.componentwise.lower.value(), 0);
  EXPECT_LE(exact.componentwise.upper->value(), tolerance::kUnitRoundoff * tolerance::kUnitRoundoff * 1e4);
  expect_contains_within(backward_errors(a, zero, b, options(), context).normwise, 1, kOutward);
  expect_contains_within(backward_errors(a, zero, b, options(), context).componentwise, 1, kOutward);
  EXPECT_EQ(backward_errors(a, zero, zero, options(), context).componentwise.upper->value(), 0);
  EXPECT_EQ(backward_errors(a, zero, zero, options(), context).normwise.upper->value(), 0);
}

// b - A x = -2^-130: twice the precision of double loses it, and the upper end does not.
TEST(BackwardErrors, DoNotVanishWhereTwiceThePrecisionIsTooLittle) {
  Context context(1);
  const Vector x{1, 1, 1, 1}, b{1};
  const bounds::BackwardErrors found =
      backward_errors(tensor({{0x1p-60, 0x1p-130, 1, -0x1p-60}}), x, b, options(), context);
  EXPECT_GE(found.componentwise.upper->value(), 0x1p-132);
  EXPECT_GE(found.normwise.upper->value(), 0x1p-132);
  EXPECT_LE(found.componentwise.lower.value(), 0x1p-131 * (1 + kOutward));
}

TEST(LinearSystem, RefusesWhatIsNoSystem) {
  Context context(1);
  const Vector two{1, 2}, three{1, 2, 3}, hole{1, NAN};
  const Tensor a = tensor({{1, 2}, {3, 4}});
  EXPECT_THROW(backward_errors(a, three, two, options(), context), Error);
  EXPECT_THROW(backward_errors(a, two, hole, options(), context), Error);
  EXPECT_THROW(backward_errors(tensor({{1, kInfinity}, {3, 4}}), two, two, options(), context), Error);
  EXPECT_THROW(solution_error(tensor({{1, 2, 3}, {3, 4, 5}}), three, two, context), Error);
  EXPECT_THROW(skeel(tensor({{1, 2, 3}, {3, 4, 5}}), {}, context), Error);
  EXPECT_THROW(forward_error(bounds::exactly(1), -1, 0), Error);
  EXPECT_THROW(forward_error(bounds::exactly(1), 0, 1), Error);
  EXPECT_THROW(least_squares_condition(a, Vector{0, 0}, context), Error);
  const Tensor empty = Tensor::copy_of(Vector{}, {0, 2});
  EXPECT_THROW(backward_errors(empty, two, {}, options(), context), Error);
  EXPECT_THROW(solution_error(Tensor::copy_of(Vector{}, {0, 0}), {}, {}, context), Error);
  EXPECT_THROW(least_squares_condition(empty, {}, context), Error);
}

// Entries of A are multiples of 2^-46 below 1, those of the solution small integers: b = A y is exact in double.
TEST(SolutionError, BoundsTheTrueErrorOfEveryEntry) {
  Context context(1);
  for (const double kappa : {1.0, 1e4, 1e8, 1e12}) {
    for (const double unit : {0x1p-960, 1.0, 0x1p960}) {
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const std::int64_t n = 7;
        std::vector<double> values = gallery::with_singular_values(n, n, gallery::geometric(n, kappa), seed);
        for (double& value : values) value = std::round(value * 0x1p46) * 0x1p-46 * unit;
        const Matrix<double> a = matrix(values, n, n);
        Vector y, b(n), x;
        for (std::int64_t i = 0; i < n; ++i) y.push_back(static_cast<double>(i % 4) - 1.0);
        for (std::int64_t j = 0; j < n; ++j) {
          for (std::int64_t i = 0; i < n; ++i)
            b[static_cast<std::size_t>(i)] += a(i, j) * y[static_cast<std::size_t>(j)];
        }
        // As a good solver leaves it, wrong by a part in a thousand, and not a solution at all.
        const std::vector<double> noise = gallery::normal(n, seed + 20);
        const double size = seed % 3 == 0 ? 4 * tolerance::kEpsilon : seed % 3 == 1 ? 1e-3 : 10;
        Vector error;
        for (std::size_t i = 0; i < y.size(); ++i) {
          x.push_back(y[i] + size * noise[i]);
          error.push_back(x[i] - y[i]);  // exact: y has two bits
        }
        const std::optional<bounds::SolutionError> found = solution_error(tensor(a), x, b, context);
        ASSERT_TRUE(found.has_value()) << kappa;
        for (std::size_t i = 0; i < x.size(); ++i) {
          EXPECT_GE(found->entrywise[i].value(), std::fabs(error[i])) << kappa << ' ' << i;
        }
        const auto exact = static_cast<double>(norm(error));
        EXPECT_GE(found->two_norm.value(), exact);
        EXPECT_GE(found->relative.value(), exact / static_cast<double>(norm(y)));
        // Not much larger: |X r| has an error of n kappa u relative to |A^-1| |r| <= kappa |x - y|, and so has f.
        const double slack = tolerance::relative(n, n, kappa, 64);
        EXPECT_LE(found->two_norm.value(), exact * (1 + slack + kOutward) +
                                               kappa * 64 * tolerance::kUnitRoundoff * tolerance::kUnitRoundoff * 64);
        EXPECT_LE(reliable_digits(found),
                  std::max(0.0, -std::log10(exact / static_cast<double>(norm(y)))) + 4 * tolerance::kEpsilon);
      }
    }
  }
}

// A + A with the half of a matrix: exact, but the proof does not know that.
TEST(SolutionError, OfAnOperatorIsBetweenBothQuotients) {
  Context context(1);
  for (const double kappa : {1.0, 1e4, 1e8}) {
    for (const double unit : {0x1p-900, 1.0, 0x1p900}) {
      const std::int64_t n = 7;
      std::vector<double> values = gallery::with_singular_values(n, n, gallery::geometric(n, kappa), 3);
      for (double& value : values) value = std::round(value * 0x1p46) * 0x1p-46 * unit;
      Vector half = values, b(n), x;
      for (double& value : half) value /= 2;
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j)
          b[static_cast<std::size_t>(i)] +=
              values[static_cast<std::size_t>(i * n + j)] * (static_cast<double>(j % 4) - 1);
      }
      std::vector<long double> error;
      const std::vector<double> noise = gallery::normal(n, 21);
      for (std::int64_t i = 0; i < n; ++i) {
        x.push_back(static_cast<double>(i % 4) - 1 + 1e-3 * noise[static_cast<std::size_t>(i)]);
        error.push_back(static_cast<long double>(x.back()) - (static_cast<double>(i % 4) - 1));
      }
      const Operator<double> a = dense<double>(Tensor::rounded(half, {n, n}, DType::f64));
      const Enclosure found = solution_error(*(a + a), x, b, options(), context);
      EXPECT_LE(found.lower.value(), norm(error)) << kappa;
      EXPECT_GE(found.lower.value(), norm(error) / (2 * kappa)) << kappa;
      ASSERT_TRUE(found.upper.has_value()) << kappa;
      EXPECT_GE(found.upper->value(), norm(error)) << kappa;
      EXPECT_LE(found.upper->value(), norm(error) * 2 * kappa) << kappa;
    }
  }
  const Operator<double> singular = dense<double>(tensor({{1, 1}, {1, 1}}));
  EXPECT_FALSE(solution_error(*singular, Vector{1, 1}, Vector{2, 2}, options(), context).upper);
  EXPECT_THROW(static_cast<void>(solution_error(*singular, Vector{1}, Vector{2, 2}, options(), context)), Error);
}

TEST(SolutionError, IsMissingForASingularMatrix) {
  Context context(1);
  const Vector x{1, 1}, b{2, 2};
  EXPECT_FALSE(solution_error(tensor({{1, 1}, {1, 1}}), x, b, context).has_value());
  EXPECT_FALSE(skeel(tensor({{0, 0}, {0, 0}}), x, context).has_value());
  EXPECT_EQ(reliable_digits(std::nullopt), 0);
  const auto exact = solution_error(tensor({{2, 0}, {0, 4}}), Vector{1, 0.5}, Vector{2, 2}, context);
  ASSERT_TRUE(exact.has_value());
  EXPECT_LE(exact->two_norm.value(), 1e4 * tolerance::kUnitRoundoff * tolerance::kUnitRoundoff);
}

TEST(Skeel, ContainsTheExactNumbers) {
  Context context(1);
  constexpr double kRounded = 2 * tolerance::kEpsilon;  // what is computed in extended precision, to double
  const std::optional<bounds::SkeelNumbers> golden = skeel(tensor({{1, 2}, {3, 4}}), {}, context);
  ASSERT_TRUE(golden.has_value());
  expect_contains_within(condition(tensor({{1, 2}, {3, 4}}), norms::RowSum{}, {}, context).number, 21, 0);
  expect_contains_within(golden->of_matrix, 13, 0);
  EXPECT_LE(golden->of_matrix.relative_width(), kOutward);
  EXPECT_FALSE(golden->of_solution.has_value());
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::int64_t n = 6;
    const Matrix<double> a = matrix(gallery::normal(n * n, seed), n, n);
    const Vector x = gallery::normal(n, seed + 40);
    dense_support::LongMatrix identity(n, std::vector<long double>(n));
    for (std::size_t i = 0; i < n; ++i) identity[i][i] = 1;
    const dense_support::LongMatrix inverse = dense_support::solve(dense_support::in_long(a), identity);
    const auto exact = [&](const Vector& weight) {
      long double largest = 0;
      for (std::size_t i = 0; i < n; ++i) {
        long double sum = 0;
        for (std::size_t k = 0; k < n; ++k) {
          for (std::size_t j = 0; j < n; ++j) {
            sum += std::fabs(inverse[i][k]) *
                   std::fabs(static_cast<long double>(a(static_cast<std::int64_t>(k), static_cast<std::int64_t>(j)))) *
                   std::fabs(weight[j]);
          }
        }
        largest = std::max(largest, sum);
      }
      return static_cast<double>(largest);
    };
    const std::optional<bounds::SkeelNumbers> found = skeel(tensor(a), x, context);
    ASSERT_TRUE(found.has_value());
    expect_contains_within(found->of_matrix, exact(Vector(n, 1.0)), kRounded);
    double largest = 0;
    for (const double value : x) largest = std::max(largest, std::fabs(value));
    expect_contains_within(*found->of_solution, exact(x) / largest, kRounded);
  }
}

TEST(ForwardError, HoldsForSystemsThatAreReallyChanged) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const std::int64_t n = 5;
    const Matrix<double> a = matrix(gallery::normal(n * n, seed), n, n);
    const std::vector<long double> sigma = dense_support::reference_values(a);
    const double size = seed % 2 == 0 ? 0.2 : 1e-6;
    Matrix<double> e = matrix(gallery::normal(n * n, seed + 60), n, n);
    const double shrink = size * static_cast<double>(sigma.back() / dense_support::reference_values(e).front());
    Matrix<double> changed = a;
    for (std::size_t i = 0; i < e.values().size(); ++i) {
      changed.values()[i] = a.values()[i] + shrink * e.values()[i];
      e.values()[i] = changed.values()[i] - a.values()[i];  // near enough: the norm below is of what was added
    }
    const Vector b = gallery::normal(n, seed + 80);
    Vector c = b;
    for (std::size_t i = 0; i < c.size(); ++i) c[i] *= 1 + 1e-3 * std::sin(static_cast<double>(i));
    Vector f(c.size());
    for (std::size_t i = 0; i < c.size(); ++i) f[i] = c[i] - b[i];
    const std::vector<long double> y = dense_support::solve(a, b), x = dense_support::solve(changed, c);
    std::vector<long double> error;
    for (std::size_t i = 0; i < b.size(); ++i) error.push_back(x[i] - y[i]);
    const auto kappa = static_cast<double>(sigma.front() / sigma.back());
    const double of_matrix = static_cast<double>(dense_support::reference_values(e).front() / sigma.front());
    const auto of_data = static_cast<double>(norm(f) / norm(b));
    const double rounding = 1 + tolerance::relative(n, n, kappa, 64);
    const ForwardError bound =
        forward_error(bounds::exactly(kappa * rounding), of_matrix * rounding, of_data * rounding);
    ASSERT_TRUE(bound.over_solution.upper.has_value());
    EXPECT_GE(bound.over_solution.upper->value(), static_cast<double>(norm(error) / norm(y)));
    EXPECT_GE(bound.over_computed.upper->value(), static_cast<double>(norm(error) / norm(x)));
  }
}

TEST(ForwardError, IsUnknownIfTheChangedMatrixMayBeSingular) {
  EXPECT_FALSE(forward_error(bounds::exactly(2), 0.5, 0).over_solution.upper.has_value());
  EXPECT_TRUE(forward_error(bounds::exactly(2), 0.5, 0).over_computed.upper.has_value());
  EXPECT_EQ(forward_error(bounds::exactly(2), 0, 0).over_solution.upper->value(), 0);
}

TEST(GradientDescent, IsNoSlowerThanItsRate) {
  for (const double kappa : {1.0, 3.0, 100.0, 1e6}) {
    const GradientDescent rate = gradient_descent(bounds::exactly(kappa));
    // H = diag(kappa, t, 1): the error along each axis is multiplied by 1 - step h.
    for (const double h : {1.0, std::sqrt(kappa), kappa}) {
      const double optimal = std::fabs(1 - 2 / (kappa + 1) * h);
      const double safe = std::fabs(1 - h / kappa);
      EXPECT_LE(optimal, rate.optimal_step.upper->value() + 4 * tolerance::kEpsilon);
      EXPECT_LE(safe, rate.safe_step.upper->value() + 4 * tolerance::kEpsilon);
    }
    EXPECT_NEAR(rate.optimal_step.lower.value(), (kappa - 1) / (kappa + 1), kOutward);
    EXPECT_NEAR(rate.with_momentum.upper->value(), (std::sqrt(kappa) - 1) / (std::sqrt(kappa) + 1), kOutward);
    if (kappa > 1) {
      EXPECT_NEAR(std::pow((kappa - 1) / (kappa + 1), rate.steps_per_digit), 0.1, tolerance::relative(1, 1, kappa, 64));
    }
  }
  EXPECT_EQ(gradient_descent(bounds::quotient(bounds::exactly(1), bounds::exactly(0))).optimal_step.upper->value(), 1);
}

TEST(Ridge, ImprovesASemidefiniteMatrixAndMayRuinAnIndefiniteOne) {
  const Enclosure kappa = ridge_condition(bounds::exactly(4), bounds::exactly(0), 1);
  expect_contains_within(kappa, 5, kOutward);
  const Vector both{1, -1};
  expect_contains_within(ridge_condition_of_symmetric(both, 0, 1.25), 9, kOutward);
  EXPECT_FALSE(ridge_condition_of_symmetric(both, 0, 1).upper.has_value());
  EXPECT_FALSE(ridge_condition_of_symmetric(both, 0.1, 1.05).upper.has_value());
  EXPECT_THROW(ridge_condition_of_symmetric({}, 0, 1), Error);
  EXPECT_THROW(ridge_condition(kappa, kappa, -1), Error);
}

}  // namespace
}  // namespace sigmax::sensitivity
