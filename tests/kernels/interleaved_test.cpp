// Interleaved channels and the sums over them, for every instruction set.
#include "sigmax/kernels/interleaved.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

template <Real T>
std::vector<T> drawn(std::int64_t count, std::uint64_t seed) {
  const std::vector<double> values = gallery::normal(count, seed);
  return {values.begin(), values.end()};
}

/// Memory that begins at a line of the cache.
template <Real T>
class Lines {
 public:
  Lines(std::int64_t count, T value) : values_(static_cast<std::size_t>(count) + 64 / sizeof(T), value) {
    const auto address = reinterpret_cast<std::uintptr_t>(values_.data());
    first_ = (64 - address % 64) % 64 / sizeof(T);
  }
  T* data() { return values_.data() + first_; }
  T& operator[](std::int64_t k) { return values_[first_ + static_cast<std::size_t>(k)]; }

 private:
  std::vector<T> values_;
  std::size_t first_;
};

// Positions in an order of their own, with gaps that must stay as they are.
template <Real T>
void check_places(std::int64_t channels, std::int64_t positions) {
  SCOPED_TRACE(std::to_string(channels) + " channels, " + std::to_string(positions) + " positions");
  constexpr std::int64_t kL = interleaved_channels<T>();
  const std::int64_t stride = positions + 3;
  const T untouched = -12345;
  const std::vector<T> source = drawn<T>(channels * stride, 81);
  std::vector<std::int64_t> place;
  for (std::int64_t k = 0; k < positions; ++k) place.push_back(2 * kL * (positions - 1 - k));
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    Lines<T> together(2 * kL * positions, untouched);
    interleave<T>(source.data(), stride, channels, place, together.data());
    for (std::int64_t k = 0; k < positions; ++k) {
      const std::int64_t at = place[static_cast<std::size_t>(k)];
      for (std::int64_t c = 0; c < channels; ++c) {
        ASSERT_EQ(together[at + c], source[static_cast<std::size_t>(c * stride + k)]) << k << ' ' << c;
      }
      for (std::int64_t c = kL; c < 2 * kL; ++c) ASSERT_EQ(together[at + c], untouched);
    }
    std::vector<T> apart(source.size(), untouched);
    deinterleave<T>(together.data(), place, apart.data(), stride, channels);
    for (std::int64_t k = 0; k < channels * stride; ++k) {
      const auto at = static_cast<std::size_t>(k);
      ASSERT_EQ(apart[at], k % stride < positions ? source[at] : untouched) << k;
    }
  });
}

TEST(Interleaved, ChannelsComeTogetherAndApart) {
  for (const std::int64_t positions : {1, 3, 4, 7, 8, 9, 16, 21, 49}) {
    for (std::int64_t channels = 1; channels <= 16; ++channels) {
      check_places<float>(channels, positions);
      if (channels <= 8) check_places<double>(channels, positions);
    }
  }
}

template <Real T>
void check_sums(std::int64_t length, const std::vector<std::int64_t>& groups, std::int64_t from_step,
                std::int64_t to_step) {
  SCOPED_TRACE("length " + std::to_string(length) + ", " + std::to_string(groups.size()) + " groups");
  constexpr std::int64_t kL = interleaved_channels<T>();
  constexpr std::int64_t kRows = 3;
  std::vector<InterleavedTerms> terms;
  std::vector<std::int64_t> reads;  // of each term, in positions
  for (const std::int64_t count : groups) {
    const std::int64_t first = static_cast<std::int64_t>(reads.size()) * 5 % 11;
    terms.push_back({first * kL, count});
    for (std::int64_t k = 0; k < count; ++k) reads.push_back(first + k * from_step);
  }
  const std::int64_t span = (length + 3) * from_step + 11, to_span = length * to_step + 2;
  std::vector<InterleavedRow> rows;
  for (std::int64_t r = 0; r < kRows; ++r) rows.push_back({(kRows - 1 - r) * span * kL, r * to_span * kL});
  const std::vector<T> w = drawn<T>(static_cast<std::int64_t>(reads.size()) * kL, 83);
  Lines<T> source(kRows * span * kL, T(0));
  const std::vector<T> values = drawn<T>(kRows * span * kL, 84);
  std::copy(values.begin(), values.end(), source.data());
  const T untouched = -12345;
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    Lines<T> out(kRows * to_span * kL, untouched);
    interleaved_sums<T>(w.data(), terms, rows, length, from_step * kL, to_step * kL, source.data(), out.data());
    for (std::int64_t at = 0; at < kRows * to_span * kL; ++at) {
      const std::int64_t row = at / kL / to_span, place = at / kL % to_span, l = at % kL;
      if (place % to_step != 0 || place / to_step >= length) {
        ASSERT_EQ(out[at], untouched) << at;
        continue;
      }
      long double sum = 0, magnitude = 0;
      for (std::size_t k = 0; k < reads.size(); ++k) {
        const std::int64_t from = (kRows - 1 - row) * span + place / to_step * from_step + reads[k];
        const long double term =
            static_cast<long double>(w[k * static_cast<std::size_t>(kL) + static_cast<std::size_t>(l)]) *
            source[from * kL + l];
        sum += term;
        magnitude += std::fabs(term);
      }
      ASSERT_LE(std::fabs(out[at] - sum), tolerance::gamma<T>(static_cast<std::int64_t>(reads.size())) * magnitude);
    }
  });
}

TEST(Interleaved, SumsAreThoseOfTheirTermsForAnyLength) {
  for (std::int64_t length = 1; length <= 26; ++length) {
    check_sums<float>(length, {3, 1, 3, 2}, 1, 1);
    check_sums<double>(length, {3, 3, 3}, 1, 1);
  }
}

TEST(Interleaved, SumsAreThoseOfTheirTermsForAnySteps) {
  for (const std::int64_t from_step : {1, 2, 3}) {
    for (const std::int64_t to_step : {1, 2, 5}) {
      check_sums<float>(9, {1, 2, 3}, from_step, to_step);
      check_sums<double>(15, {2}, from_step, to_step);
    }
  }
}

TEST(Interleaved, SumsOfNoTermsAreZero) { check_sums<float>(10, {}, 1, 2); }

// Neighboring terms that share their reads give the same bits as terms that stand alone.
TEST(Interleaved, SumsHaveOneOrder) {
  constexpr std::int64_t kL = interleaved_channels<float>();
  const std::vector<float> w = drawn<float>(9 * kL, 85);
  const std::vector<float> values = drawn<float>(40 * kL, 86);
  Lines<float> source(40 * kL, 0.0F);
  std::copy(values.begin(), values.end(), source.data());
  std::vector<InterleavedTerms> together, alone;
  for (std::int64_t k = 0; k < 9; k += 3) together.push_back({k * 4 * kL, 3});
  for (std::int64_t k = 0; k < 9; ++k) alone.push_back({(k / 3 * 12 + k % 3) * kL, 1});
  const std::vector<InterleavedRow> rows{{0, 0}};
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    Lines<float> first(11 * kL, 0.0F), second(11 * kL, 0.0F);
    interleaved_sums<float>(w.data(), together, rows, 11, kL, kL, source.data(), first.data());
    interleaved_sums<float>(w.data(), alone, rows, 11, kL, kL, source.data(), second.data());
    for (std::int64_t k = 0; k < 11 * kL; ++k) ASSERT_EQ(first[k], second[k]) << k;
  });
}

}  // namespace
}  // namespace sigmax::kernels
