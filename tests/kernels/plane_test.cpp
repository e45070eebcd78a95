// Sums of shifted copies of one image against long double, for every instruction set.
#include "sigmax/kernels/plane.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gallery/normal_in.hpp"
#include "gallery/simd_targets.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using gallery::normal_in;

// Columns between the rows of the result must stay as they are.
template <Real T>
void check(const PlaneShape& s) {
  SCOPED_TRACE(std::to_string(s.rows) + " x " + std::to_string(s.width) + ", taps " + std::to_string(s.taps_down) +
               " x " + std::to_string(s.taps_across));
  const std::int64_t taps = s.taps_down * s.taps_across;
  const std::int64_t from_pitch = s.width + (s.taps_across - 1) * s.step_across + 1;
  const std::int64_t to_pitch = s.width + 3;
  const std::vector<T> w = normal_in<T>(taps, 81);
  const std::vector<T> source =
      normal_in<T>((s.rows + (s.taps_down - 1) * s.step_down) * from_pitch + plane_slack<T>(), 82);
  const T untouched = -12345;
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    std::vector<T> out(static_cast<std::size_t>(s.rows * to_pitch), untouched);
    plane_sums<T>(s, w.data(), source.data(), from_pitch, out.data(), to_pitch);
    for (std::int64_t a = 0; a < s.rows; ++a) {
      for (std::int64_t b = 0; b < to_pitch; ++b) {
        const T found = out[static_cast<std::size_t>(a * to_pitch + b)];
        if (b >= s.width) {
          ASSERT_EQ(found, untouched);
          continue;
        }
        long double sum = 0, magnitude = 0;
        for (std::int64_t k = 0; k < taps; ++k) {
          const std::int64_t row = a + k / s.taps_across * s.step_down;
          const std::int64_t column = b + k % s.taps_across * s.step_across;
          const long double term = static_cast<long double>(w[static_cast<std::size_t>(k)]) *
                                   source[static_cast<std::size_t>(row * from_pitch + column)];
          sum += term;
          magnitude += std::fabs(term);
        }
        ASSERT_LE(std::fabs(found - sum), tolerance::gamma<T>(taps) * magnitude) << a << ' ' << b;
      }
    }
  });
}

TEST(PlaneSums, AreThoseOfTheirTermsForAnyNumberOfRows) {
  for (std::int64_t rows = 1; rows <= 16; ++rows) {
    check<float>({rows, 14, 3, 3, 1, 1});
    check<double>({rows, 9, 2, 3, 1, 1});
  }
}

TEST(PlaneSums, AreThoseOfTheirTermsForAnyWidth) {
  for (const std::int64_t width : {1, 2, 7, 8, 15, 16, 17, 33, 64}) {
    check<float>({5, width, 3, 3, 1, 1});
    check<double>({5, width, 3, 3, 1, 1});
  }
}

TEST(PlaneSums, AreThoseOfTheirTermsForAnyTapsAndSteps) {
  for (const std::int64_t down : {1, 3, 7}) {
    for (const std::int64_t across : {1, 3, 4}) {
      check<float>({9, 20, down, across, 1, 2});
      check<double>({9, 20, down, across, 3, 1});
    }
  }
}

// Neighboring 3 x 3 taps have a loop of their own; with a fourth tap of zero in each row they do not.
TEST(PlaneSums, HaveOneOrderForAllTaps) {
  const std::vector<float> w = normal_in<float>(9, 83);
  std::vector<float> wide;
  for (std::size_t k = 0; k < 9; ++k) {
    wide.push_back(w[k]);
    if (k % 3 == 2) wide.push_back(0);
  }
  const std::vector<float> source = normal_in<float>(16 * 24 + plane_slack<float>(), 84);
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    std::vector<float> three(14 * 20), four(14 * 20);
    plane_sums<float>({14, 20, 3, 3, 1, 1}, w.data(), source.data(), 24, three.data(), 20);
    plane_sums<float>({14, 20, 3, 4, 1, 1}, wide.data(), source.data(), 24, four.data(), 20);
    EXPECT_EQ(three, four);
  });
}

TEST(PlaneCopy, WritesTheRowsOnly) {
  for (const std::int64_t width : {1, 7, 16, 35}) {
    const std::vector<double> source = normal_in<double>(4 * (width + 2), 85);
    gallery::for_each_simd_target([&](const std::string& target) {
      SCOPED_TRACE(target);
      std::vector<double> out(static_cast<std::size_t>(4 * (width + 1)), -1);
      plane_copy<double>(4, width, source.data(), width + 2, out.data(), width + 1);
      for (std::int64_t k = 0; k < 4 * (width + 1); ++k) {
        const std::int64_t row = k / (width + 1), column = k % (width + 1);
        const double wanted = column < width ? source[static_cast<std::size_t>(row * (width + 2) + column)] : -1;
        ASSERT_EQ(out[static_cast<std::size_t>(k)], wanted) << row << ' ' << column;
      }
    });
  }
}

}  // namespace
}  // namespace sigmax::kernels
