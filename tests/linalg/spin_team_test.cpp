// Every piece of every step is done exactly once, whichever threads are there.
#include "sigmax/linalg/spin_team.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

namespace sigmax {
namespace {

TEST(Team, DoesEveryPieceOnceBeforeTheStepEnds) {
  for (const int threads : {1, 2, 3, 5}) {
    Context context(threads);
    std::vector<int> done(Team::kMostPieces);
    bool all_once = true;
    Team::run(context, [&](Team& team) {
      for (int step = 0; step < 3000; ++step) {
        const int count = step % (Team::kMostPieces + 1);
        std::fill(done.begin(), done.end(), 0);
        team.step(count, [&](int piece) { ++done[static_cast<std::size_t>(piece)]; });
        for (int i = 0; i < Team::kMostPieces; ++i) {
          all_once = all_once && done[static_cast<std::size_t>(i)] == (i < count ? 1 : 0);
        }
      }
    });
    EXPECT_TRUE(all_once) << threads << " threads";
  }
}

TEST(Team, RunsWithinAParallelLoop) {
  Context context(3);
  std::vector<int> sums(6, 0);
  context.parallel_for(sums.size(), [&](std::size_t i) {
    Team::run(context, [&](Team& team) {
      std::vector<int> part(8, 0);
      for (int step = 0; step < 100; ++step) team.step(8, [&](int piece) { ++part[static_cast<std::size_t>(piece)]; });
      for (const int p : part) sums[i] += p;
    });
  });
  for (const int sum : sums) EXPECT_EQ(sum, 800);
}

TEST(Team, RunsOnOneThreadWhereTheContextIsSerial) {
  Context context(3);
  const Context::Serial serial(context);
  int sum = 0;
  Team::run(context, [&](Team& team) { team.step(20, [&](int) { ++sum; }); });
  EXPECT_EQ(sum, 20);
}

TEST(Team, WorksAlone) {
  std::vector<int> done;
  Team::run_alone([&](Team& team) { team.step(5, [&](int piece) { done.push_back(piece); }); });
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3, 4}));
}

double cpu_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Processor time, not elapsed time. A thread that spins uses as much of it as the leader, in every try. One that sleeps
// uses none, except what the system charges for waking it, which varies on a loaded machine: the least of several tries
// counts.
TEST(Team, SleepsWhereItsLeaderWorksAlone) {
  constexpr double kAlone = 0.05;
  constexpr int kSteps = 4;
  Context context(2);
  int sum = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int attempt = 0; attempt < 10 && least > kSteps * kAlone / 4; ++attempt) {
    const double before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    Team::run(context, [&](Team& team) {
      for (int step = 0; step < kSteps; ++step) {
        team.step(8, [&](int) {});
        const double start = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
        while (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) < start + kAlone) ++sum;
      }
    });
    least = std::min(least, cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - before - kSteps * kAlone);
  }
  EXPECT_LT(least, kSteps * kAlone / 4);
  EXPECT_GT(sum, 0);
}

TEST(Team, PassesOnWhatItsLeaderThrows) {
  for (const int threads : {1, 3}) {
    Context context(threads);
    const auto fail = [](Team& team) {
      team.step(4, [](int) {});
      throw std::runtime_error("enough");
    };
    EXPECT_THROW(Team::run(context, fail), std::runtime_error);
  }
}

}  // namespace
}  // namespace sigmax
