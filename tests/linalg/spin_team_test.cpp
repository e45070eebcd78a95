// Every piece of every step is done exactly once, whichever threads are there.
#include "sigmax/linalg/spin_team.hpp"

#include <gtest/gtest.h>
#include <time.h>

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

// Processor time, not elapsed time: it does not change on a machine that is busy with other work.
TEST(Team, SleepsWhereItsLeaderWorksAlone) {
  Context context(2);
  double leader = 0;
  int sum = 0;
  const double before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  Team::run(context, [&](Team& team) {
    for (int step = 0; step < 4; ++step) {
      team.step(8, [&](int) {});
      const double start = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
      while (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) < start + 0.05) ++sum;
      leader += 0.05;
    }
  });
  const double others = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - before - leader;
  EXPECT_LT(others, leader / 4);
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
