// BLAS computes on the calling thread, and so in the floating-point mode of that thread.
#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

constexpr int kOrder = 512;

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, int rounding) {
  std::vector<double> c(a.size());
  std::fesetround(rounding);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, kOrder, kOrder, kOrder, 1.0, a.data(), kOrder, b.data(),
              kOrder, 0.0, c.data(), kOrder);
  std::fesetround(FE_TONEAREST);
  return c;
}

// Under upward rounding, sums of positive numbers grow. A part computed by another thread would not change.
TEST(SerialBlas, KeepsTheWorkOnTheCallingThread) {
  const int before = openblas_get_num_threads();
  openblas_set_num_threads(3);
  std::vector<double> a = gallery::normal(kOrder * kOrder, 1), b = gallery::normal(kOrder * kOrder, 2);
  for (auto* values : {&a, &b}) {
    for (double& value : *values) value = std::fabs(value);
  }
  {
    const SerialBlas serial;
    EXPECT_EQ(openblas_get_num_threads(), 1);
    const std::vector<double> usual = product(a, b, FE_TONEAREST);
    const std::vector<double> upward = product(a, b, FE_UPWARD);
    constexpr std::int64_t kBlock = 32;
    for (std::int64_t i0 = 0; i0 < kOrder; i0 += kBlock) {
      for (std::int64_t j0 = 0; j0 < kOrder; j0 += kBlock) {
        std::int64_t larger = 0;
        for (std::int64_t j = j0; j < j0 + kBlock; ++j) {
          for (std::int64_t i = i0; i < i0 + kBlock; ++i) {
            const auto at = static_cast<std::size_t>(i + j * kOrder);
            larger += upward[at] > usual[at] ? 1 : 0;
          }
        }
        ASSERT_GT(larger, kBlock * kBlock / 2) << i0 << " " << j0;
      }
    }
  }
  EXPECT_EQ(openblas_get_num_threads(), 3);
  openblas_set_num_threads(before);
}

}  // namespace
}  // namespace sigmax
