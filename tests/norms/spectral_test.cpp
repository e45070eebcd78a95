// Functions of the singular values on spectra for which the result is known in closed form.
#include "sigmax/norms/spectral.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Schatten, IsThePNormOfTheSingularValues) {
  const std::vector<double> sigma = {4, 3, 0};
  EXPECT_DOUBLE_EQ(schatten(sigma, 1), 7);
  EXPECT_DOUBLE_EQ(schatten(sigma, 2), 5);
  EXPECT_DOUBLE_EQ(schatten(sigma, 3), std::cbrt(91.0));
  EXPECT_EQ(schatten(sigma, kInfinity), 4);
  EXPECT_DOUBLE_EQ(schatten(sigma, 1e6), 4);
  EXPECT_EQ(schatten({}, 2), 0);
  EXPECT_EQ(schatten(std::vector<double>{0, 0}, 3), 0);
}

TEST(Schatten, DoesNotOverflowWhereItsValueDoesNot) {
  for (const double unit : {1e300, 1e-300}) {
    EXPECT_DOUBLE_EQ(schatten(std::vector<double>{4 * unit, 3 * unit}, 2), 5 * unit);
    EXPECT_DOUBLE_EQ(schatten(std::vector<double>{4 * unit, 3 * unit}, 5), std::pow(1267.0, 0.2) * unit);
  }
  EXPECT_EQ(schatten(std::vector<double>{kInfinity, 1}, 3), kInfinity);
}

TEST(Schatten, RefusesWhatIsNoNorm) {
  EXPECT_THROW(schatten(std::vector<double>{1}, 0.5), Error);
  EXPECT_THROW(schatten(std::vector<double>{1}, -kInfinity), Error);
  EXPECT_THROW(schatten(std::vector<double>{1}, std::nan("")), Error);
}

TEST(KyFan, SumsTheLargestValues) {
  const std::vector<double> sigma = {5, 2, 1};
  EXPECT_EQ(ky_fan(sigma, 1), 5);
  EXPECT_EQ(ky_fan(sigma, 2), 7);
  EXPECT_EQ(ky_fan(sigma, 3), nuclear(sigma));
  EXPECT_THROW(ky_fan(sigma, 0), Error);
  EXPECT_THROW(ky_fan(sigma, 4), Error);
  EXPECT_THROW(ky_fan({}, 1), Error);
}

TEST(EffectiveRank, CountsEqualValuesAndIgnoresZeros) {
  for (const std::size_t count : {1, 2, 7, 1000}) {
    std::vector<double> sigma(count, 0.25);
    sigma.resize(count + 3, 0.0);
    const auto n = static_cast<std::int64_t>(count);
    EXPECT_NEAR(effective_rank(sigma), static_cast<double>(count),
                tolerance::of_matrix(n, n, static_cast<double>(count)));
  }
  EXPECT_EQ(effective_rank({}), 0);
  EXPECT_EQ(effective_rank(std::vector<double>{0, 0}), 0);
  const double entropy = 0.75 * std::log(4.0 / 3) + 0.25 * std::log(4.0);
  EXPECT_DOUBLE_EQ(effective_rank(std::vector<double>{3, 1}), std::exp(entropy));
  EXPECT_DOUBLE_EQ(effective_rank(std::vector<double>{3e-300, 1e-300}), std::exp(entropy));
  EXPECT_DOUBLE_EQ(effective_rank(std::vector<double>{1.5e308, 1.5e308}), 2);
}

TEST(NumericalRank, CountsValuesAboveTheTolerance) {
  const std::vector<double> sigma = {3, 2, 1, 0};
  EXPECT_EQ(numerical_rank(sigma, 0), 3);
  EXPECT_EQ(numerical_rank(sigma, 1), 2);
  EXPECT_EQ(numerical_rank(sigma, 10), 0);
  EXPECT_EQ(numerical_rank({}, 0), 0);
}

TEST(EnergyRank, IsTheSmallestRankThatKeepsTheShare) {
  const std::vector<double> sigma = {3, 2, 1, 1, 1, 0};  // energies 9, 4, 1, 1, 1 of 16
  EXPECT_EQ(energy_rank(sigma, 0.5), 1);
  EXPECT_EQ(energy_rank(sigma, 0.5625), 1);
  EXPECT_EQ(energy_rank(sigma, 0.6), 2);
  EXPECT_EQ(energy_rank(sigma, 0.9), 4);
  EXPECT_EQ(energy_rank(sigma, 1), 5);
  EXPECT_EQ(energy_rank(std::vector<double>{0, 0}, 0.9), 0);
  EXPECT_EQ(energy_rank({}, 0.9), 0);
  EXPECT_EQ(energy_rank(std::vector<double>{3e300, 2e300}, 0.9), 2);
}

}  // namespace
}  // namespace sigmax::norms
