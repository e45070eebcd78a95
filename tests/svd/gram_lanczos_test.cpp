// The Lanczos process on diagonal matrices, whose eigenvalues are known exactly.
#include "sigmax/svd/krylov/gram_lanczos.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/svd/christoffel.hpp"
#include "sigmax/svd/convergence.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

// k eigenpairs, theta to a relative error.
Convergence pairs(std::int64_t k, double of_theta = 1e-12) { return {Accuracy::values, of_theta / 2, k}; }

template <class T>
class LanczosTest : public testing::Test {
 protected:
  static SymmetricProduct<T> diagonal(std::vector<double> lambda) {
    return [lambda = std::move(lambda)](MatrixView<const T> x, MatrixView<T> z) {
      for (std::int64_t j = 0; j < x.columns; ++j) {
        for (std::size_t i = 0; i < lambda.size(); ++i) {
          z.column(j)[i] = static_cast<T>(lambda[i] * static_cast<double>(x.column(j)[i]));
        }
      }
    };
  }
  static LanczosResult<T> run(const std::vector<double>& lambda, const LanczosOptions& options, int threads = 1,
                              MatrixView<const T> start = {}) {
    Context context(threads);
    return lanczos<T>(static_cast<std::int64_t>(lambda.size()), diagonal(lambda), start, options, context);
  }
  static double rounding(const std::vector<double>& lambda) {
    const auto n = static_cast<std::int64_t>(lambda.size());
    return tolerance::of_matrix(n, n, *std::max_element(lambda.begin(), lambda.end())) * tolerance::coarseness<T>();
  }
  static constexpr double kTolerance = std::same_as<T, float> ? 1e-5 : 1e-12;

  // |C x_i - theta_i x_i|
  static double residual_of(const LanczosResult<T>& result, const std::vector<double>& lambda, std::int64_t i) {
    double sum = 0;
    for (std::size_t j = 0; j < lambda.size(); ++j) {
      const double r =
          (lambda[j] - result.theta[static_cast<std::size_t>(i)]) * static_cast<double>(result.vectors.column(i)[j]);
      sum += r * r;
    }
    return std::sqrt(sum);
  }
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(LanczosTest, Reals);

bool in_range(const std::vector<double>& lambda) { return lambda[0] == 0 || (lambda[0] < 1e100 && lambda[0] > 1e-100); }

TYPED_TEST(LanczosTest, FindsTheTopOfEverySpectrum) {
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    if (!in_range(spectrum.values(1))) continue;
    for (const std::int64_t n : {1, 2, 3, 10, 61, 300}) {
      std::vector<double> lambda = spectrum.values(n);
      std::sort(lambda.rbegin(), lambda.rend());
      for (const std::int64_t k : {1, 2, 5}) {
        if (k > n) continue;
        const auto result = this->run(lambda, {.convergence = pairs(k, this->kTolerance)});
        const std::string what = spectrum.name + " of order " + std::to_string(n) + ", k " + std::to_string(k);
        EXPECT_NE(result.outcome, LanczosOutcome::out_of_products) << what;
        ASSERT_EQ(result.theta.size(), static_cast<std::size_t>(k)) << what;
        const double rounding = this->rounding(lambda);
        // The process treats values closer together than its stopping residual as one.
        const double cluster =
            spectrum.name == "clustered_top" ? lambda[0] - lambda[std::min<std::size_t>(lambda.size(), 8) - 1] : 0;
        for (std::int64_t i = 0; i < k; ++i) {
          const auto at = static_cast<std::size_t>(i);
          EXPECT_LE(result.theta[at], lambda[at] + rounding) << what << ", pair " << i;
          EXPECT_GE(result.theta[at], lambda[at] * (1 - tolerance::of_estimate(this->kTolerance)) - rounding - cluster)
              << what << ", pair " << i;
          // A remainder that small counts as rounding, and so as 0.
          EXPECT_NEAR(this->residual_of(result, lambda, i), result.residual[at],
                      rounding + negligible<TypeParam>(n) * lambda[0])
              << what << ", pair " << i;
        }
        EXPECT_LE(checks::orthonormality_error(result.vectors),
                  tolerance::relative(n, n) * tolerance::coarseness<TypeParam>())
            << what;
      }
    }
  }
}

TYPED_TEST(LanczosTest, FindsEveryVectorOfMultipleEigenvalues) {
  for (const int copies : {2, 3, 5}) {
    std::vector<double> lambda = gallery::spectrum("linear").values(200);
    for (int i = 0; i < copies; ++i) lambda[static_cast<std::size_t>(i)] = 1.2;
    const auto result = this->run(lambda, {.convergence = pairs(copies + 1, this->kTolerance)});
    EXPECT_EQ(result.outcome, LanczosOutcome::converged);
    for (int i = 0; i <= copies; ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_NEAR(result.theta[at], lambda[at], 2 * this->rounding(lambda) + tolerance::of_estimate(this->kTolerance))
          << copies << " copies, pair " << i;
    }
  }
}

TYPED_TEST(LanczosTest, EndsInAnInvariantSubspaceAfterAsManyStepsAsDistinctEigenvalues) {
  std::vector<double> lambda(50, 1.0);
  for (std::size_t i = 0; i < 20; ++i) lambda[i] = 2;
  const auto result = this->run(lambda, {.convergence = pairs(1, 0)});
  EXPECT_EQ(result.outcome, LanczosOutcome::invariant_subspace);
  EXPECT_LE(result.products, 4);
  EXPECT_NEAR(result.theta[0], 2, this->rounding(lambda));
}

TYPED_TEST(LanczosTest, FindsAsManyPairsAsAskedOfExhaustedSpaces) {
  for (const double value : {0.0, 3.0}) {
    std::vector<double> rank_one(30, 0.0);
    rank_one[7] = value;
    for (const auto& lambda : {std::vector<double>(30, value), rank_one}) {
      for (const std::int64_t k : {5, 30}) {
        const auto result = this->run(lambda, {.convergence = pairs(k)});
        EXPECT_EQ(result.outcome, LanczosOutcome::invariant_subspace);
        std::vector<double> sorted = lambda;
        std::sort(sorted.rbegin(), sorted.rend());
        for (std::int64_t i = 0; i < k; ++i) {
          EXPECT_NEAR(result.theta[static_cast<std::size_t>(i)], sorted[static_cast<std::size_t>(i)],
                      this->rounding(lambda));
        }
        EXPECT_LE(checks::orthonormality_error(result.vectors),
                  tolerance::relative(30, 30) * tolerance::coarseness<TypeParam>());
      }
    }
  }
}

TYPED_TEST(LanczosTest, RestartsWhenTheBasisIsFull) {
  const std::vector<double> lambda = gallery::spectrum("linear").values(400);
  for (const std::int64_t k : {1, 4}) {
    const std::int64_t basis = 3 * k + 6;
    const LanczosOptions options{.convergence = pairs(k, this->kTolerance), .max_products = 20000, .basis = basis};
    const auto result = this->run(lambda, options);
    EXPECT_EQ(result.outcome, LanczosOutcome::converged);
    EXPECT_EQ(result.basis, basis);
    EXPECT_GT(result.products, 3 * basis);
    ASSERT_EQ(result.recurrences.size(), 2U);
    for (const LanczosRecurrence& recurrence : result.recurrences) {
      EXPECT_EQ(recurrence.alpha.size(), static_cast<std::size_t>(basis / 2));
      EXPECT_EQ(recurrence.beta.size(), recurrence.alpha.size());
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
      EXPECT_NEAR(result.theta[i], lambda[i], tolerance::of_estimate(this->kTolerance) + this->rounding(lambda));
    }
    // Restarts cost some products. A basis that is never cut costs the fewest, except for the steps between its checks.
    const auto whole = this->run(lambda, {.convergence = pairs(k, this->kTolerance), .basis = 400});
    EXPECT_LE(whole.products, result.products + result.products / 8);
    EXPECT_GE(3 * whole.products, result.products);
  }
}

TYPED_TEST(LanczosTest, SaysWhenItRanOutOfProducts) {
  const std::vector<double> lambda = gallery::geometric(500, 1.01);
  for (const std::int64_t k : {1, 3, 9}) {
    const auto result = this->run(lambda, {.convergence = pairs(k, 1e-14), .max_products = 5});
    EXPECT_EQ(result.outcome, LanczosOutcome::out_of_products);
    EXPECT_EQ(result.products, 5);
    EXPECT_EQ(result.theta.size(), static_cast<std::size_t>(k));
    EXPECT_EQ(result.vectors.columns(), k);
    EXPECT_LE(result.theta[0], lambda[0] + this->rounding(lambda));
    EXPECT_GT(result.theta[0], lambda.back());
  }
}

TYPED_TEST(LanczosTest, TakesABasisOfAnySize) {
  const std::vector<double> lambda = {3, 2, 1};
  for (const std::int64_t basis : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 40}) {
    for (const std::int64_t n : {1, 3}) {
      const std::vector<double> top(lambda.begin(), lambda.begin() + n);
      EXPECT_NEAR(this->run(top, {.basis = basis}).theta[0], 3, 3 * this->rounding(lambda)) << basis << " of " << n;
    }
  }
}

TYPED_TEST(LanczosTest, SavesProductsFromAWarmStart) {
  using T = TypeParam;
  const std::vector<double> lambda = gallery::spectrum("linear").values(300);
  for (const std::int64_t k : {1, 6}) {
    const LanczosOptions options{.convergence = pairs(k, 1e-4)};
    const auto cold = this->run(lambda, options);
    Matrix<T> near = cold.vectors;  // of another, nearby matrix
    const std::vector<double> noise = gallery::normal(300 * k, 9);
    for (std::size_t i = 0; i < noise.size(); ++i) near.values()[i] += static_cast<T>(1e-4 * noise[i]);
    const auto warm = this->run(lambda, options, 1, std::as_const(near).view());
    EXPECT_EQ(warm.outcome, LanczosOutcome::converged);
    EXPECT_LE(2 * warm.products, cold.products) << "k " << k;
    EXPECT_TRUE(warm.recurrences.empty()) << "the start was not random";
    EXPECT_EQ(warm.random, options.random) << "nothing was drawn";
    for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
      EXPECT_NEAR(warm.theta[i], lambda[i], tolerance::of_estimate(options.convergence.of_theta()));
    }
  }
}

TYPED_TEST(LanczosTest, IsNotHeldByAStartInTheWrongEigenspace) {
  using T = TypeParam;
  const std::vector<double> lambda = {1, 5, 2, 3, 0.5, 0.25};
  for (const std::int64_t k : {1, 2}) {
    Matrix<T> start(6, 2);
    start(0, 0) = 1;
    start(4, 1) = 1;
    const auto result = this->run(lambda, {.convergence = pairs(k)}, 1, std::as_const(start).view());
    EXPECT_NEAR(result.theta[0], 5, this->rounding(lambda));
    if (k == 2) {
      EXPECT_NEAR(result.theta[1], 3, this->rounding(lambda));
    }
  }
  const Matrix<T> nothing(6, 3);
  EXPECT_NEAR(this->run(lambda, {}, 1, nothing.view()).theta[0], 5, this->rounding(lambda));
}

TYPED_TEST(LanczosTest, KnowsTheRecurrenceOfOneVectorFromABlock) {
  const std::vector<double> lambda = gallery::spectrum("power_law").values(200);
  const auto one = this->run(lambda, {.convergence = pairs(1, this->kTolerance)});
  const auto two = this->run(lambda, {.convergence = pairs(2, this->kTolerance)});
  ASSERT_FALSE(one.recurrences.empty() || two.recurrences.empty());
  EXPECT_EQ(one.recurrences.front().start_norm, two.recurrences.front().start_norm);
  const std::size_t steps = std::min(one.recurrences.front().alpha.size(), two.recurrences.front().alpha.size());
  ASSERT_GE(steps, 4U);
  // The recurrence is sensitive to rounding, and more so as the first Ritz pair converges.
  for (std::size_t j = 0; j < 4; ++j) {
    EXPECT_NEAR(one.recurrences.front().alpha[j], two.recurrences.front().alpha[j],
                tolerance::of_estimate(this->rounding(lambda)));
    EXPECT_NEAR(one.recurrences.front().beta[j], two.recurrences.front().beta[j],
                tolerance::of_estimate(this->rounding(lambda)));
  }
}

TYPED_TEST(LanczosTest, FeedsTheProbabilisticBound) {
  const std::vector<double> lambda = gallery::spectrum("linear").values(300);
  for (const std::int64_t k : {1, 4}) {
    const auto result =
        this->run(lambda, {.convergence = pairs(k, this->kTolerance), .random = vouched(random_state(1))});
    ASSERT_FALSE(result.recurrences.empty());
    ASSERT_EQ(result.recurrences.size(), 2U);
    for (LanczosRecurrence recurrence : result.recurrences) {
      const double upper = christoffel_upper_bound(recurrence, 1e-4, 600);
      EXPECT_GE(upper, lambda[0] - this->rounding(lambda));
      EXPECT_LE(upper, 1.2 * lambda[0]);
      // A failure probability below what a start of such numbers supports, and a start that was not drawn.
      EXPECT_TRUE(std::isinf(christoffel_upper_bound(recurrence, 1e-8, 600)));
      recurrence.drawn = false;
      EXPECT_TRUE(std::isinf(christoffel_upper_bound(recurrence, 1e-4, 600)));
    }
  }
}

TYPED_TEST(LanczosTest, GivesTheSameBitsFromTheSameState) {
  const std::vector<double> lambda = gallery::geometric(3000, 10);
  const LanczosOptions options{.convergence = pairs(3, 1e-4), .basis = 12, .random = random_state(5)};
  const auto first = this->run(lambda, options);
  for (const int threads : {2, 3}) {
    const auto again = this->run(lambda, options, threads);
    EXPECT_EQ(first.theta, again.theta);
    EXPECT_EQ(first.vectors, again.vectors);
    EXPECT_EQ(first.random, again.random);
  }
  EXPECT_NE(first.random, options.random);
  LanczosOptions next = options;
  next.random = first.random;
  EXPECT_NE(first.recurrences.front().alpha, this->run(lambda, next).recurrences.front().alpha);
}

TYPED_TEST(LanczosTest, StopsWhenAskedTo) {
  using T = TypeParam;
  Context context(1);
  const SymmetricProduct<T> product = [&context](MatrixView<const T> x, MatrixView<T> z) {
    for (std::int64_t j = 0; j < x.columns; ++j) {
      for (std::size_t i = 0; i < x.column(j).size(); ++i) z.column(j)[i] = x.column(j)[i] / static_cast<T>(i + 1);
    }
    context.request_cancel();
  };
  EXPECT_THROW(lanczos<T>(100, product, {}, {}, context), Canceled);
}

TYPED_TEST(LanczosTest, SaysThatProductsAreNotFinite) {
  std::vector<double> lambda = gallery::geometric(20, 10);
  lambda[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(this->run(lambda, {}), NotFinite);
  lambda[3] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(this->run(lambda, {}), NotFinite);
}

TYPED_TEST(LanczosTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  EXPECT_THROW(this->run({}, {}), Error);
  EXPECT_THROW(this->run({1, 2}, {.convergence = pairs(0)}), Error);
  EXPECT_THROW(this->run({1, 2}, {.convergence = pairs(3)}), Error);
  EXPECT_THROW(this->run({1, 2}, {.max_products = 0}), Error);
  const Matrix<T> start(3, 1);
  EXPECT_THROW(this->run({1, 2}, {}, 1, start.view()), Error);
}

}  // namespace
}  // namespace sigmax
