// A thread with a stack of a given size, to test that recursive functions fit on the promised stack.
#pragma once

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>
#include <functional>

namespace sigmax::gallery {

#if defined(__SANITIZE_ADDRESS__)  // gcc
#define SIGMAX_UNDER_ADDRESS_SANITIZER 1
#elif defined(__has_feature)  // clang
#if __has_feature(address_sanitizer)
#define SIGMAX_UNDER_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef SIGMAX_UNDER_ADDRESS_SANITIZER
inline constexpr std::size_t kFrameGrowth = 8;  // for the zones that it puts around each variable
#else
inline constexpr std::size_t kFrameGrowth = 1;
#endif

/// Runs `body` on a stack of this many MiB, and more if a sanitizer makes frames larger.
inline void on_a_stack(std::size_t mebibytes, std::function<void()> body) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, (mebibytes * kFrameGrowth) << 20), 0);
  const auto run = [](void* what) -> void* {
    (*static_cast<std::function<void()>*>(what))();
    return nullptr;
  };
  pthread_t thread{};
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &body), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
}

}  // namespace sigmax::gallery
