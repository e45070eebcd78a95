// When triplets are good enough: the error estimates, and what a tolerance allows.
#include "sigmax/svd/convergence.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tolerance.hpp"

namespace sigmax {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The Ritz pairs of diag(1 + gap, 1) for two orthonormal vectors at an angle to the eigenvectors, and their errors.
struct Tilted {
  std::vector<double> theta;
  double residual;  // of either
  double error;     // of either
};

Tilted tilted(double gap, double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  return {{1 + gap * c * c, 1 + gap * s * s}, gap * c * s, gap * s * s};
}

TEST(Convergence, EstimatesTheErrorOfARitzValueFromAbove) {
  for (const double gap : {1.0, 1e-3, 1e-6}) {
    for (const double angle : {0.3, 0.1, 1e-2, 1e-4}) {
      const Tilted pair = tilted(gap, angle);
      const double rounding = tolerance::relative(1, 1, 1 / gap);  // of the distance of values near 1
      for (const std::size_t i : {0U, 1U}) {
        const double estimate = estimated_error(pair.theta, pair.residual, i);
        EXPECT_GE(estimate, pair.error * (1 - rounding)) << gap << " " << angle;
        EXPECT_LE(estimate, pair.error / std::cos(2 * angle) * (1 + rounding)) << gap << " " << angle;
      }
    }
  }
}

TEST(Convergence, TakesTheResidualWhereAnotherValueIsNearerThanThat) {
  const std::vector<double> theta{2, 2 - 1e-9, 1};
  EXPECT_EQ(estimated_error(theta, 1e-6, 0), 1e-6);
  EXPECT_EQ(estimated_error(theta, 1e-6, 1), 1e-6);
  EXPECT_EQ(estimated_error(theta, 0x1p-20, 2), 0x1p-20 * (0x1p-20 / (1 - 1e-9)));
}

TEST(Convergence, EstimatesOfFarValuesStayInRange) {
  EXPECT_EQ(estimated_error(std::vector<double>{0x1p+800, 0}, 0x1p+700, 0), 0x1p+600);
  EXPECT_EQ(estimated_error(std::vector<double>{0x1p-800, 0}, 0x1p-900, 0), 0x1p-1000);
}

TEST(Convergence, AClusterDoesNotCostItsInnerGaps) {
  const std::vector<double> theta{2, 2 - 1e-9, 1, 0.5};
  const std::vector<double> residual{0x1p-20, 0x1p-20, 0.5, 0.5};
  EXPECT_EQ(estimated_error_of_set(theta, residual, 0), 2 * 0x1p-40 / (theta[0] - theta[2]));
  EXPECT_EQ(estimated_error_of_set(theta, residual, 1), 2 * 0x1p-40 / (theta[1] - theta[2]));
  // No set that ends after these has a gap that is larger than its residuals.
  EXPECT_EQ(estimated_error_of_set(theta, residual, 2), 0.5);
}

TEST(Convergence, APairIsNoBetterThanThoseAboveIt) {
  const std::vector<double> residual{1e-3, 1e-1, 1e-8};
  EXPECT_EQ(residual_to(residual, 0), 1e-3);
  EXPECT_EQ(residual_to(residual, 2), 1e-1);
  EXPECT_GT(Convergence({Accuracy::vectors, 1e-2, 3}).excess_of_sets(std::vector<double>{3, 2, 1}, residual, 0), 1);
}

// Values have an error of tolerance sigma if theta = sigma^2 has the allowed error.
TEST(Convergence, AllowsOfThetaWhatTheToleranceAllowsOfSigma) {
  for (const double sigma : {1e-3, 1.0, 50.0}) {
    const Convergence values{Accuracy::values, 1e-6, 1};
    const double wrong = sigma * (1 + values.tolerance);
    // (1 + t)^2 - 1 = 2 t + t^2
    const double second_order = values.tolerance * values.tolerance + tolerance::relative(1, 1);
    EXPECT_NEAR(values.allowed(sigma * sigma, sigma), wrong * wrong - sigma * sigma, second_order * sigma * sigma);
    // |C v - theta v| = sigma |A^T u - sigma v|, which may be tolerance sigma_1.
    const Convergence vectors{Accuracy::vectors, 1e-6, 1};
    EXPECT_EQ(vectors.allowed(sigma * sigma, sigma * 100), 1e-6 * (sigma * 100));
  }
}

TEST(Convergence, IsReachedWhereTheWorstOfTheWantedPairsIsGoodEnough) {
  const std::vector<double> theta{9, 4, 1};
  const std::vector<double> residual{1e-7, 1e-4, 0.5};
  const Convergence values{Accuracy::values, 1e-9, 2};
  EXPECT_DOUBLE_EQ(values.excess(theta, residual, 0), 1e-4 * (1e-4 / 3) / (2e-9 * 4));
  EXPECT_LE(values.of(1).excess(theta, residual, 0), 1);
  EXPECT_GT(values.of(3).excess(theta, residual, 0), 1);
  const Convergence vectors{Accuracy::vectors, 1e-5, 2};
  EXPECT_DOUBLE_EQ(vectors.excess(theta, residual, 0), 1e-4 / (1e-5 * 2 * 3));
  EXPECT_EQ(values.of(1).tolerance, values.tolerance);
  EXPECT_EQ(vectors.of(1).accuracy, Accuracy::vectors);
}

TEST(Convergence, FewerPairsThanWantedAreNeverEnough) {
  const std::vector<double> one{1};
  const std::vector<double> exact{0};
  for (const Accuracy accuracy : {Accuracy::values, Accuracy::vectors}) {
    const Convergence two{accuracy, 0.5, 2};
    EXPECT_EQ(two.excess(one, exact, 1), kInfinity);
    EXPECT_EQ(two.excess_of_sets(one, exact, 1), kInfinity);
    EXPECT_EQ(two.excess_of_triplets(one, exact, 1), kInfinity);
    EXPECT_FALSE(two.is_borne_out(one, exact, {}, 1));
  }
}

TEST(Convergence, RoundingIsGoodEnoughWhateverTheTolerance) {
  const std::vector<double> sigma{4, 1};
  const std::vector<double> theta{16, 1};
  const std::vector<double> residual{0x1p-50, 0x1p-50};
  for (const Accuracy accuracy : {Accuracy::values, Accuracy::vectors}) {
    const Convergence strict{accuracy, 1e-40, 2};
    EXPECT_EQ(strict.excess(theta, residual, 0x1p-54), 1);
    EXPECT_EQ(strict.excess_of_triplets(sigma, residual, 0x1p-52), 1);
    EXPECT_LE(strict.excess_of_sets(theta, residual, 0x1p-54), 1);
    EXPECT_GT(strict.excess(theta, residual, 0x1p-56), 1);
    EXPECT_GT(strict.excess_of_triplets(sigma, residual, 0x1p-54), 1);
  }
}

TEST(Convergence, TheZeroOperatorHasConverged) {
  const std::vector<double> zero{0, 0};
  for (const Accuracy accuracy : {Accuracy::values, Accuracy::vectors}) {
    const Convergence two{accuracy, 1e-10, 2};
    EXPECT_EQ(two.excess(zero, zero, 0), 0);
    EXPECT_EQ(two.excess_of_sets(zero, zero, 0), 0);
    EXPECT_EQ(two.excess_of_triplets(zero, zero, 0), 0);
    EXPECT_EQ(two.excess(zero, std::vector<double>{1e-300, 0}, 0), kInfinity);
  }
}

// Triplets and eigenpairs of C are judged by the same rule: theta = sigma^2, and its residual is sigma r.
TEST(Convergence, JudgesTripletsAsTheirEigenpairs) {
  const std::vector<double> sigma{5, 3, 2.9, 0.5};
  const std::vector<double> residual{1e-5, 1e-6, 1e-4, 0};
  std::vector<double> theta, of_theta;
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    theta.push_back(sigma[i] * sigma[i]);
    of_theta.push_back(sigma[i] * residual[i]);
  }
  for (const Accuracy accuracy : {Accuracy::values, Accuracy::vectors}) {
    for (const std::int64_t k : {1, 2, 3}) {
      const Convergence wanted{accuracy, 1e-8, k};
      const double expected = wanted.excess(theta, of_theta, 0);
      EXPECT_NEAR(wanted.excess_of_triplets(sigma, residual, 0), expected, 8 * tolerance::relative(1, 1) * expected);
    }
  }
}

TEST(Convergence, EvaluationBearsOutAnEstimateUpToAFactorOfFour) {
  const Convergence wanted{Accuracy::vectors, 1e-8, 2};
  const std::vector<double> sigma{2, 1, 0.5};
  EXPECT_TRUE(wanted.is_borne_out(sigma, std::vector<double>{1e-9, 3.9e-8, 1}, {}, 0));
  EXPECT_FALSE(wanted.is_borne_out(sigma, std::vector<double>{1e-9, 4.1e-8, 0}, {}, 0));
  // With Accuracy::values, a close neighbor turns a residual into an error.
  const Convergence values{Accuracy::values, 1e-8, 2};
  const std::vector<double> residual{1e-6, 1e-5, 0};
  EXPECT_TRUE(values.is_borne_out(sigma, residual, 0.5, 0));
  EXPECT_FALSE(values.is_borne_out(sigma, residual, 1 - 1e-7, 0));
}

TEST(Convergence, AnIterationHasSettledOnceItsStepIsWithinTheTolerance) {
  const Convergence wanted{Accuracy::values, 0x1p-10, 1};
  EXPECT_TRUE(wanted.has_settled(1, 1 + 0x1p-11));
  EXPECT_TRUE(wanted.has_settled(1 + 0x1p-11, 1));
  EXPECT_FALSE(wanted.has_settled(1, 1 + 0x1p-9));
  EXPECT_FALSE(wanted.has_settled(std::numeric_limits<double>::quiet_NaN(), 1));
  // A tolerance of 0 asks for all steps.
  EXPECT_FALSE(Convergence({Accuracy::values, 0, 1}).has_settled(1, 1));
}

TEST(Convergence, ValuesWithinWhatEstimatesDifferByMayBeCopies) {
  const Convergence wanted{Accuracy::values, 1e-6, 2};
  EXPECT_TRUE(wanted.may_be_equal(2, 2));
  EXPECT_TRUE(wanted.may_be_equal(2, 2 * (1 - 3e-6)));
  EXPECT_FALSE(wanted.may_be_equal(2, 2 * (1 - 5e-6)));
}

}  // namespace
}  // namespace sigmax
