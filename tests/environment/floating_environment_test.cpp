// The caller's floating-point mode changes no digit: every public function in every mode, on threads that started in
// any mode.
#include "environment/entry_functions.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "environment/modes.hpp"
#include "gallery/simd_targets.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

std::vector<std::uint64_t> bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> result;
  for (const double value : values) result.push_back(std::bit_cast<std::uint64_t>(value));
  return result;
}

void expect_the_same_in(const std::vector<FloatingMode>& modes, const EntryFunction& function, Context& context) {
  const std::vector<double> expected = function.call(context);
  ASSERT_FALSE(expected.empty()) << function.name;
  for (const FloatingMode& mode : modes) {
    std::vector<double> found;
    bool restored = false;
    {
      const InMode in_mode(mode);
      const ModeOfThread before;
      found = function.call(context);
      restored = ModeOfThread() == before;
    }
    EXPECT_EQ(bits(found), bits(expected)) << function.name << ", " << mode.name;
    EXPECT_TRUE(restored) << function.name << ", " << mode.name;
  }
}

TEST(FloatingEnvironment, EveryFunctionGivesTheSameBitsInEveryMode) {
  for (const int threads : {1, 3}) {
    SCOPED_TRACE(threads);
    Context context(threads);
    for (const EntryFunction& function : entry_functions()) expect_the_same_in(floating_modes(), function, context);
  }
}

// The intermediate numbers that are subnormal differ between instruction sets: f16 is converted through float or
// through integers.
TEST(FloatingEnvironment, OnEveryInstructionSet) {
  std::vector<FloatingMode> modes;
  for (const FloatingMode& mode : floating_modes()) {
    if (mode.traps || (mode.flush && mode.flush_in)) modes.push_back(mode);
  }
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    for (const EntryFunction& function : entry_functions()) {
      // Solvers and norms are composed of the other functions.
      if (function.name.starts_with("svd") || function.name.starts_with("norm")) continue;
      expect_the_same_in(modes, function, context);
    }
  });
}

// Workers inherit the mode of the thread that created the context, or of the thread that created them.
TEST(FloatingEnvironment, AContextMadeInAnyModeGivesTheSameBits) {
  Context usual(3);
  const std::vector<EntryFunction> functions = entry_functions();
  std::vector<std::vector<double>> expected;
  for (const EntryFunction& function : functions) expected.push_back(function.call(usual));
  for (const FloatingMode& mode : floating_modes()) {
    std::unique_ptr<Context> context;
    {
      const InMode in_mode(mode);
      context = std::make_unique<Context>(3);
      // Its threads start here.
      context->parallel_for(64, [](std::size_t) { std::this_thread::sleep_for(std::chrono::microseconds(200)); });
    }
    for (std::size_t i = 0; i < functions.size(); ++i) {
      EXPECT_EQ(bits(functions[i].call(*context)), bits(expected[i])) << functions[i].name << ", " << mode.name;
    }
  }
}

TEST(FloatingEnvironment, AnExceptionRestoresTheMode) {
  Context context(3);
  for (const FloatingMode& mode : floating_modes()) {
    bool thrown = false;
    bool restored = false;
    {
      const InMode in_mode(mode);
      const ModeOfThread before;
      try {
        context.parallel_for(8, [](std::size_t i) {
          if (i == 5) throw std::runtime_error("stop");
        });
      } catch (const std::runtime_error&) {
        thrown = true;
      }
      restored = ModeOfThread() == before;
    }
    EXPECT_TRUE(thrown);
    EXPECT_TRUE(restored) << mode.name;
  }
}

// Checks each piece, in the caller's own loop with threads in the worst modes, and in serial loops.
TEST(FloatingEnvironment, EveryPieceOfALoopRunsInTheStandardMode) {
  const ModeOfThread standard;
  for (const FloatingMode& mode : floating_modes()) {
    const Context::ParallelLoop own = [&mode](std::size_t count, const std::function<void(std::size_t)>& body) {
      std::vector<std::thread> threads;
      for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
          const InMode in_mode(mode);
          body(i);
        });
      }
      for (std::thread& thread : threads) thread.join();
    };
    const Context::ParallelLoop on_this_thread = [&mode](std::size_t count,
                                                         const std::function<void(std::size_t)>& body) {
      const InMode in_mode(mode);
      for (std::size_t i = 0; i < count; ++i) body(i);
    };
    Context foreign(4, own);
    Context near(4, on_this_thread);
    Context usual(3);
    Context alone(1);
    for (Context* context : {&foreign, &near, &usual, &alone}) {
      std::atomic<int> wrong{0};
      {
        const InMode in_mode(mode);
        context->parallel_for(7, [&](std::size_t) { wrong += ModeOfThread() == standard ? 0 : 1; });
        const Context::Serial serial(*context);
        context->parallel_for(7, [&](std::size_t) { wrong += ModeOfThread() == standard ? 0 : 1; });
      }
      EXPECT_EQ(wrong, 0) << mode.name;
    }
  }
}

TEST(FloatingEnvironment, ScopesNest) {
  const ModeOfThread standard;
  for (const FloatingMode& mode : floating_modes()) {
    bool inner = false, after = false, outer = false;
    {
      const InMode in_mode(mode);
      const ModeOfThread before;
      {
        const FloatingEnvironment first;
        {
          const FloatingEnvironment second;
          inner = ModeOfThread() == standard;
        }
        after = ModeOfThread() == standard;
      }
      outer = ModeOfThread() == before;
    }
    EXPECT_TRUE(inner && after && outer) << mode.name;
  }
}

}  // namespace
}  // namespace sigmax
