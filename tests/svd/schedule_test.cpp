// When a process checks its Ritz values.
#include "sigmax/svd/krylov/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace sigmax {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The steps of the first `count` checks, each of which finds `excess(step)`.
template <class Excess>
std::vector<std::int64_t> looks(Schedule schedule, std::size_t count, const Excess& excess) {
  std::vector<std::int64_t> result;
  for (std::int64_t step = 1; result.size() < count; ++step) {
    if (!schedule.due(step)) continue;
    result.push_back(step);
    schedule.looked(step, excess(step));
  }
  return result;
}

TEST(Schedule, LooksLessAndLessOftenWhereNothingIsKnown) {
  const auto nothing = [](std::int64_t) { return kInfinity; };
  EXPECT_EQ(looks(Schedule(), 7, nothing), (std::vector<std::int64_t>{1, 2, 4, 6, 8, 12, 16}));
  EXPECT_EQ(looks(Schedule(3), 4, nothing), (std::vector<std::int64_t>{3, 6, 9, 13}));
}

TEST(Schedule, StretchesWhileTheErrorIsFarAndDoesNotMissTheEnd) {
  constexpr std::int64_t kEnd = 60;
  const auto falling = [](std::int64_t step) { return std::pow(2.0, static_cast<double>(kEnd - step)); };
  const std::vector<std::int64_t> steps = looks(Schedule(), 40, falling);
  std::int64_t widest = 0;
  for (std::size_t i = 1; i < steps.size() && steps[i] <= kEnd; ++i) widest = std::max(widest, steps[i] - steps[i - 1]);
  EXPECT_EQ(widest, 8);
  EXPECT_NE(std::find(steps.begin(), steps.end(), kEnd), steps.end());
}

TEST(Schedule, EstimatesTheStepsThatAreLeft) {
  Schedule schedule;
  EXPECT_EQ(schedule.left(), kInfinity);
  schedule.looked(10, 1e6);
  EXPECT_EQ(schedule.left(), kInfinity) << "one look does not show a fall";
  schedule.looked(12, 1e4);
  EXPECT_DOUBLE_EQ(schedule.left(), 4);
  schedule.looked(14, 1e5);
  EXPECT_EQ(schedule.left(), kInfinity) << "it rose";
}

TEST(Schedule, LooksSoonAfterARestart) {
  Schedule schedule;
  schedule.looked(100, kInfinity);
  EXPECT_FALSE(schedule.due(102));
  schedule.restart(101);
  EXPECT_FALSE(schedule.due(102));
  EXPECT_TRUE(schedule.due(103));
}

}  // namespace
}  // namespace sigmax
