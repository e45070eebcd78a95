#include "sigmax/core/context.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

TEST(Contexts, TakeEveryHardwareThreadByDefaultAndRefuseNegativeCounts) {
  EXPECT_GE(Context().threads(), 1);
  EXPECT_EQ(Context(3).threads(), 3);
  EXPECT_THROW(Context(-1), Error);
}

TEST(ParallelFor, RunsEveryIndexOnce) {
  for (const int threads : {1, 2, 5}) {
    Context context(threads);
    for (const std::size_t count : {0U, 1U, 2U, 1000U}) {
      std::vector<std::atomic<int>> runs(count);
      context.parallel_for(count, [&](std::size_t i) { ++runs[i]; });
      for (const auto& run : runs) EXPECT_EQ(run, 1);
    }
  }
}

TEST(ParallelFor, RunsOnALoopOfTheCallers) {
  std::size_t loops = 0;
  Context context(4, [&loops](std::size_t count, const std::function<void(std::size_t)>& body) {
    ++loops;
    for (std::size_t i = count; i-- > 0;) body(i);
  });
  EXPECT_EQ(context.threads(), 4);
  std::vector<std::size_t> order;
  context.parallel_for(3, [&](std::size_t i) { order.push_back(i); });
  EXPECT_EQ(order, (std::vector<std::size_t>{2, 1, 0}));
  EXPECT_EQ(loops, 1U);
  {
    const Context::Serial alone(context);
    context.parallel_for(3, [&](std::size_t i) { order.push_back(i); });
  }
  EXPECT_EQ(loops, 1U);
  EXPECT_EQ(order, (std::vector<std::size_t>{2, 1, 0, 0, 1, 2}));
  EXPECT_THROW(Context(0, [](std::size_t, const std::function<void(std::size_t)>&) {}), Error);
  EXPECT_THROW(Context(2, Context::ParallelLoop()), Error);
}

// Partial sums are cut by shape and combined in order: the bits of the result must not depend on the threads.
double sum_of_pieces(Context& context) {
  std::vector<double> partial(64);
  context.parallel_for(partial.size(), [&](std::size_t piece) {
    for (int i = 1; i <= 500; ++i) partial[piece] += std::sqrt(static_cast<double>(piece) + 1.0 / i);
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

TEST(ParallelFor, GivesTheSameBitsForAnyThreadCount) {
  Context one(1);
  const double expected = sum_of_pieces(one);
  for (const int threads : {2, 3, 8}) {
    Context context(threads);
    EXPECT_EQ(sum_of_pieces(context), expected);
  }
}

double cpu_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// A thread that waits at the end of a loop, for a thread without a core to run on, for example, must sleep before it
// has waited longer than the work takes. The test measures processor time, not time: it is the same on a busy machine.
TEST(ParallelFor, WaitsAsleep) {
  Context context(2 * Context().threads());  // more threads than cores, so some threads have no core
  std::atomic<double> work{0};
  const double before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  // Bodies are long beside what a busy machine takes to wake a thread. A thread that waits awake does so for as long as
  // a body takes.
  for (int loop = 0; loop < 20; ++loop) {
    context.parallel_for(8, [&](std::size_t) {
      const double start = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
      while (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) < start + 1e-3) {
      }
      work += cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    });
  }
  EXPECT_LT(cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - before, 2 * work);
}

TEST(ParallelFor, NestsAndRunsEveryInnerIndexOnce) {
  Context context(4);
  std::vector<std::vector<std::atomic<int>>> runs(20);
  for (auto& row : runs) row = std::vector<std::atomic<int>>(30);
  context.parallel_for(
      runs.size(), [&](std::size_t i) { context.parallel_for(runs[i].size(), [&](std::size_t j) { ++runs[i][j]; }); });
  for (const auto& row : runs) {
    for (const auto& run : row) EXPECT_EQ(run, 1);
  }
}

TEST(ParallelFor, AThreadInsideAnOuterBodyNeverStartsAnotherOuterBody) {
  Context context(4);
  static thread_local int depth = 0;
  std::atomic<int> deepest{0};
  context.parallel_for(50, [&](std::size_t) {
    ++depth;
    if (depth > deepest) deepest = depth;
    for (int repeat = 0; repeat < 5; ++repeat) {
      context.parallel_for(8, [](std::size_t) { std::this_thread::yield(); });
    }
    --depth;
  });
  EXPECT_EQ(deepest, 1);
}

TEST(ParallelFor, RethrowsAnExceptionFromAnyDepth) {
  Context context(3);
  const auto run = [&] {
    context.parallel_for(10, [&](std::size_t i) {
      context.parallel_for(10, [&](std::size_t j) {
        if (i == 7 && j == 3) throw Error("[test] from within");
      });
    });
  };
  EXPECT_THROW(run(), Error);
  std::atomic<int> runs{0};
  context.parallel_for(10, [&](std::size_t) { ++runs; });
  EXPECT_EQ(runs, 10);
}

TEST(SerialScope, KeepsLoopsOnTheCallingThreadAndInOrder) {
  Context context(4);
  std::vector<std::size_t> order;
  {
    const Context::Serial serial(context);
    const auto caller = std::this_thread::get_id();
    context.parallel_for(100, [&](std::size_t i) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      order.push_back(i);
    });
  }
  std::vector<std::size_t> expected(100);
  std::iota(expected.begin(), expected.end(), 0U);
  EXPECT_EQ(order, expected);
}

// Whether a loop runs on several threads: its two bodies can meet only if they run on two.
bool runs_in_parallel(Context& context) {
  std::atomic<int> arrived{0};
  std::atomic<bool> met{false};
  context.parallel_for(2, [&](std::size_t) {
    ++arrived;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (arrived < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    if (arrived == 2 && std::chrono::steady_clock::now() < deadline) met = true;
  });
  return met;
}

TEST(SerialScope, EndsWithItsScopeAndNestsAndKnowsItsContext) {
  if (Context().threads() < 2) GTEST_SKIP() << "needs two hardware threads";
  Context context(2);
  Context other(2);
  EXPECT_TRUE(runs_in_parallel(context));
  {
    const Context::Serial outer(context);
    {
      const Context::Serial inner(other);
      std::vector<std::thread::id> threads(2);
      context.parallel_for(2, [&](std::size_t i) { threads[i] = std::this_thread::get_id(); });
      EXPECT_EQ(threads[0], threads[1]);
    }
    EXPECT_TRUE(runs_in_parallel(other));
  }
  EXPECT_TRUE(runs_in_parallel(context));
}

TEST(SerialScope, DoesNotAffectOtherThreads) {
  Context context(4);
  std::atomic<int> wrong{0};
  context.parallel_for(40, [&](std::size_t) {
    const Context::Serial serial(context);
    const auto here = std::this_thread::get_id();
    context.parallel_for(20, [&](std::size_t) {
      if (std::this_thread::get_id() != here) ++wrong;
    });
  });
  EXPECT_EQ(wrong, 0);
  if (Context().threads() < 2) return;
  bool parallel = false;
  const Context::Serial serial(context);
  std::thread([&] { parallel = runs_in_parallel(context); }).join();
  EXPECT_TRUE(parallel);
}

TEST(Scratch, IsAlignedAndReusedByTheNextOfItsSize) {
  Context context(1);
  const void* first = nullptr;
  {
    auto buffer = context.scratch<double>(1000);
    EXPECT_EQ(buffer.size(), 1000U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    first = buffer.data();
  }
  EXPECT_EQ(context.scratch<float>(1998).data(), first);
}

TEST(Scratch, EverySizeHoldsWhatItPromises) {
  Context context(1);
  for (std::size_t round = 0; round < 2; ++round) {
    for (std::size_t size = 0; size < 3000; ++size) {
      auto buffer = context.scratch<unsigned char>(size);
      std::memset(buffer.data(), 0xa5, size);
    }
    for (std::size_t size = 4096; size < (std::size_t{80} << 20); size += size / 3) {
      auto buffer = context.scratch<unsigned char>(size);
      buffer[size - 1] = 1;
    }
  }
}

TEST(Scratch, IsSafeFromManyThreads) {
  Context context(8);
  std::atomic<int> clashes{0};
  context.parallel_for(400, [&](std::size_t i) {
    auto outer = context.scratch<std::size_t>(100 + i % 7 * 50);
    std::fill(outer.begin(), outer.end(), i);
    context.parallel_for(4, [&](std::size_t j) {
      auto inner = context.scratch<std::size_t>(100 + i % 7 * 50);
      std::fill(inner.begin(), inner.end(), i * 1000 + j + 1);
      for (const std::size_t x : inner) clashes += x != i * 1000 + j + 1;
    });
    for (const std::size_t x : outer) clashes += x != i;
  });
  EXPECT_EQ(clashes, 0);
}

TEST(Scratch, RefusesSizesThatOverflow) {
  Context context(1);
  EXPECT_THROW(context.scratch<double>(std::numeric_limits<std::size_t>::max() / 4), std::bad_alloc);
}

TEST(Cancellation, IsSeenFromWithinALoopOnAnyThread) {
  Context context(4);
  EXPECT_NO_THROW(context.check_cancel());
  const auto run = [&] {
    context.parallel_for(1000, [&](std::size_t i) {
      if (i == 10) context.request_cancel();
      context.check_cancel();
    });
    context.check_cancel();
  };
  EXPECT_THROW(run(), Canceled);
}

TEST(ProgressReports, AreNotConcurrentAndCarryTheirPiece) {
  Context context(4);
  EXPECT_NO_THROW(context.report({1, 2, "nobody listens"}));
  int reports = 0;
  double done = 0;
  context.on_progress([&](const Progress& progress) {
    ++reports;
    done += progress.done;
    EXPECT_EQ(progress.what, "piece");
  });
  context.parallel_for(1000, [&](std::size_t) { context.report({1, 1000, "piece"}); });
  EXPECT_EQ(reports, 1000);
  EXPECT_EQ(done, 1000);
}

TEST(Contexts, CanBeMoved) {
  Context first(2);
  first.request_cancel();
  Context second(std::move(first));
  EXPECT_THROW(second.check_cancel(), Canceled);
  second = Context(1);
  EXPECT_NO_THROW(second.check_cancel());
}

TEST(Errors, NameFilePlaceAndProblem) {
  const FileError error("a.npy", "header", "is cut short");
  EXPECT_EQ(std::string(error.what()), "a.npy: header: is cut short");
  EXPECT_EQ(std::string(FileError("a.npy", "", "is empty").what()), "a.npy: is empty");
  EXPECT_EQ(error.place(), "header");
}

}  // namespace
}  // namespace sigmax
