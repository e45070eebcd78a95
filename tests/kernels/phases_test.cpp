// Rows split into phases and the sums over shifted rows, for every instruction set.
#include "sigmax/kernels/phases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gallery/normal_in.hpp"
#include "gallery/simd_targets.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using gallery::normal_in;

// Rows in an order of their own, with gaps that must stay as they are.
template <Real T>
void check_split(std::int64_t length) {
  SCOPED_TRACE("length " + std::to_string(length));
  constexpr std::int64_t kRows = 3;
  const std::int64_t stride = length + 2, phase = length / 2 + 3;
  const T untouched = -12345;
  const std::vector<T> image = normal_in<T>(kRows * stride, 91);
  std::vector<PhaseRow> rows;
  for (std::int64_t r = 0; r < kRows; ++r) {
    rows.push_back({r * stride, 2 * (kRows - 1 - r) * phase, (2 * (kRows - 1 - r) + 1) * phase});
  }
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    std::vector<T> phases(static_cast<std::size_t>(2 * kRows * phase), untouched);
    split_phases<T>(image.data(), rows, length, phases.data());
    std::vector<T> wanted(phases.size(), untouched), back(image.size(), untouched), same(image.size(), untouched);
    for (const auto& [row, even, odd] : rows) {
      for (std::int64_t n = 0; n < length; ++n) {
        const T value = image[static_cast<std::size_t>(row + n)];
        wanted[static_cast<std::size_t>((n % 2 == 0 ? even : odd) + n / 2)] = value;
        same[static_cast<std::size_t>(row + n)] = value;
      }
    }
    EXPECT_EQ(phases, wanted);
    join_phases<T>(phases.data(), rows, length, back.data());
    EXPECT_EQ(back, same);
  });
}

TEST(Phases, AreSplitAndJoinedForAnyLength) {
  for (std::int64_t length = 1; length <= 70; ++length) {
    check_split<float>(length);
    check_split<double>(length);
  }
}

template <Real T>
void check_sums(std::int64_t length, const std::vector<std::int64_t>& offsets) {
  SCOPED_TRACE("length " + std::to_string(length) + ", " + std::to_string(offsets.size()) + " terms");
  constexpr std::int64_t kRows = 3;
  const std::int64_t reach = offsets.empty() ? 0 : *std::max_element(offsets.begin(), offsets.end());
  const std::int64_t span = length + reach, to_span = length + 3;
  std::vector<SumRow> rows;
  for (std::int64_t r = 0; r < kRows; ++r) rows.push_back({(kRows - 1 - r) * span, r * to_span});
  const std::vector<T> w = normal_in<T>(static_cast<std::int64_t>(offsets.size()), 92);
  const std::vector<T> source = normal_in<T>(kRows * span, 93);
  const T untouched = -12345;
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    std::vector<T> out(static_cast<std::size_t>(kRows * to_span), untouched);
    row_sums<T>(w, offsets, rows, length, source.data(), out.data());
    for (std::int64_t at = 0; at < kRows * to_span; ++at) {
      const T found = out[static_cast<std::size_t>(at)];
      if (at % to_span >= length) {
        ASSERT_EQ(found, untouched) << at;
        continue;
      }
      long double sum = 0, magnitude = 0;
      for (std::size_t k = 0; k < offsets.size(); ++k) {
        const std::int64_t from = rows[static_cast<std::size_t>(at / to_span)].from + offsets[k] + at % to_span;
        const long double term = static_cast<long double>(w[k]) * source[static_cast<std::size_t>(from)];
        sum += term;
        magnitude += std::fabs(term);
      }
      ASSERT_LE(std::fabs(found - sum), tolerance::gamma<T>(static_cast<std::int64_t>(offsets.size())) * magnitude)
          << at;
    }
  });
}

TEST(Phases, SumsAreThoseOfTheirTermsForAnyLength) {
  for (std::int64_t length = 1; length <= 40; ++length) {
    check_sums<float>(length, {0, 1, 5, 6, 7});
    check_sums<double>(length, {3, 2, 1, 0});
  }
  for (const std::int64_t length : {127, 128, 129, 144, 300}) {
    check_sums<float>(length, {0, 9, 1});
    check_sums<double>(length, {2, 0});
  }
}

TEST(Phases, SumsOfNoTermsAreZero) {
  check_sums<float>(3, {});
  check_sums<float>(20, {});
}

// The bits of a result are those of its own terms, wherever its row ends.
TEST(Phases, SumsDoNotDependOnTheLength) {
  const std::vector<float> w = normal_in<float>(5, 94), source = normal_in<float>(400, 95);
  const std::vector<std::int64_t> offsets{0, 1, 2, 50, 51};
  const std::vector<SumRow> rows{{0, 0}};
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    std::vector<float> whole(300);
    row_sums<float>(w, offsets, rows, 300, source.data(), whole.data());
    for (const std::int64_t length : {1, 7, 16, 33, 130}) {
      std::vector<float> part(static_cast<std::size_t>(length));
      row_sums<float>(w, offsets, rows, length, source.data(), part.data());
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin())) << length;
    }
  });
}

}  // namespace
}  // namespace sigmax::kernels
