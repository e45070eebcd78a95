#include "sigmax/norms/induced/hardness.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// mpmath, 40 digits.
TEST(Hardness, HasTheMomentsOfTheNormalDistribution) {
  const double rounding = tolerance::relative(8, 8);
  EXPECT_NEAR(gaussian_norm(1), 0.797884560802865, rounding);
  EXPECT_NEAR(gaussian_norm(1.5), 0.904369199036620, rounding);
  EXPECT_NEAR(gaussian_norm(2), 1, rounding);
  EXPECT_NEAR(gaussian_norm(4), std::sqrt(std::sqrt(3.0)), rounding);
  EXPECT_EQ(gaussian_norm(kInfinity), kInfinity);
  EXPECT_THROW(gaussian_norm(0.5), Error);
  EXPECT_THROW(gaussian_norm(std::nan("")), Error);
}

TEST(Hardness, SaysWhichNormsHaveNoConstantFactor) {
  const double rounding = tolerance::relative(8, 8);
  EXPECT_EQ(approximation_limit(1, 3), 1);
  EXPECT_EQ(approximation_limit(4, kInfinity), 1);
  EXPECT_EQ(approximation_limit(2, 2), 1);
  EXPECT_NEAR(approximation_limit(2, 1).value(), std::sqrt(M_PI / 2), rounding);
  EXPECT_NEAR(approximation_limit(kInfinity, 2).value(), std::sqrt(M_PI / 2), rounding);
  EXPECT_NEAR(approximation_limit(kInfinity, 1).value(), M_PI / 2, rounding);
  EXPECT_EQ(approximation_limit(3, 3), kInfinity);
  EXPECT_EQ(approximation_limit(1.5, 1.2), kInfinity);
  EXPECT_EQ(approximation_limit(1.2, 1.5), kInfinity);
  EXPECT_EQ(approximation_limit(3, 5), kInfinity);
  EXPECT_FALSE(approximation_limit(2, 4).has_value());
  EXPECT_FALSE(approximation_limit(1.5, 4).has_value());
  EXPECT_THROW(approximation_limit(0.5, 2), Error);
  EXPECT_THROW(approximation_limit(2, std::nan("")), Error);
}

}  // namespace
}  // namespace sigmax::norms
