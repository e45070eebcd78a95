// Threads that leave a processor, and loops whose workers were put on that of their caller.
#include "sigmax/core/processor.hpp"

#include <gtest/gtest.h>

#ifdef __linux__
#include <sched.h>

#include <thread>

#include "sigmax/core/context.hpp"

namespace sigmax {
namespace {

cpu_set_t allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  return set;
}

TEST(Processor, IsLeftForAnother) {
  const cpu_set_t before = allowed_processors();
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "needs two processors";
  int elsewhere = 0;
  for (int k = 0; k < 50; ++k) {
    const int here = current_processor();
    EXPECT_TRUE(leave_processor(here));
    elsewhere += current_processor() != here ? 1 : 0;
    const cpu_set_t after = allowed_processors();
    ASSERT_TRUE(CPU_EQUAL(&before, &after));
  }
  EXPECT_GT(elsewhere, 0);  // the system may move a thread back at any time, but not each time
}

TEST(Processor, IsKeptWhereThereIsNoOther) {
  std::thread([] {
    const int here = current_processor();
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(here), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_FALSE(leave_processor(here));
    const cpu_set_t after = allowed_processors();
    EXPECT_TRUE(CPU_EQUAL(&one, &after));
  }).join();
  EXPECT_FALSE(leave_processor(-1));
  EXPECT_FALSE(leave_processor(1 << 30));
}

// Workers keep the set of processors that they may run on, wherever a loop finds them.
TEST(Processor, OfACallerIsLeftByWorkersThatStayFree) {
  const cpu_set_t before = allowed_processors();
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "needs two processors";
  Context context(2);
  const std::thread::id caller = std::this_thread::get_id();
  for (int loop = 0; loop < 50; ++loop) {
    const int meeting = current_processor();
    context.parallel_for(100, [&](std::size_t) {
      const cpu_set_t mine = allowed_processors();
      EXPECT_TRUE(CPU_EQUAL(&before, &mine));
      if (std::this_thread::get_id() == caller) return;
      // To where the caller was, and free again: the next piece finds the worker there.
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<unsigned>(meeting), &one);
      EXPECT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
      EXPECT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
    });
  }
  const cpu_set_t after = allowed_processors();
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

}  // namespace
}  // namespace sigmax
#endif
