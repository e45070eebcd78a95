// The level of a capped simplex against its defining equation.
#include "sigmax/norms/maps/water_level.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "gallery/stored.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

double filled(const std::vector<double>& sigma, double cap, double theta) {
  double sum = 0;
  for (const double value : sigma) sum += std::clamp(value - theta, 0.0, cap);
  return sum;
}

TEST(WaterLevel, FillsToTheTotal) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const std::int64_t count : {1, 2, 7, 50}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      std::vector<double> sigma = gallery::normal(count, seed);
      for (double& value : sigma) value = std::fabs(value);
      if (count > 4) sigma[2] = sigma[3] = 0.5;  // a tie
      std::sort(sigma.begin(), sigma.end(), std::greater<>());
      for (const double cap : {0.1, 0.5, 2.0, kInfinity}) {
        for (const double total : {0.0, 0.05, 0.5, 1.0, 3.0, 100.0}) {
          const auto theta = water_level(sigma, cap, total);
          if (filled(sigma, cap, 0) < total) {
            EXPECT_FALSE(theta) << cap << " " << total;
          } else {
            ASSERT_TRUE(theta) << cap << " " << total;
            EXPECT_GE(*theta, 0);
            EXPECT_NEAR(filled(sigma, cap, *theta), total, tolerance::of_matrix(count, 1, sigma[0] + total, 16))
                << count << " seed " << seed << " cap " << cap << " total " << total;
          }
        }
      }
    }
  }
}

TEST(WaterLevel, OfNothingIsNone) { EXPECT_FALSE(water_level({}, 1, 0)); }

}  // namespace
}  // namespace sigmax::norms
