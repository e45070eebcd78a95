#include "sigmax/core/dtype.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace sigmax {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A 16-bit format with `fraction_bits`: the value of a pattern by the definition of IEEE formats, with a table of
// powers and without the library's own arithmetic.
double value_of(std::uint16_t pattern, int fraction_bits) {
  const int exponent_bits = 15 - fraction_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (pattern & 0x7fff) >> fraction_bits;
  const int fraction = pattern & ((1 << fraction_bits) - 1);
  double magnitude = static_cast<double>(fraction) / (1 << fraction_bits) + (exponent > 0 ? 1 : 0);
  if (exponent == (1 << exponent_bits) - 1) {
    magnitude = fraction == 0 ? kInfinity : std::numeric_limits<double>::quiet_NaN();
  }
  return std::copysign(magnitude * std::pow(2.0, std::max(exponent, 1) - bias), pattern & 0x8000 ? -1.0 : 1.0);
}

// The nearest of all finite patterns, by search, with ties to the even pattern; from half an ulp beyond the largest on,
// infinity.
std::uint16_t nearest(double value, int fraction_bits) {
  const std::uint16_t infinity = static_cast<std::uint16_t>(((1 << (15 - fraction_bits)) - 1) << fraction_bits);
  const double target = std::fabs(value);
  std::uint16_t low = 0;
  std::uint16_t high = infinity;
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (value_of(middle, fraction_bits) <= target ? low : high) = middle;
  }
  const double below = value_of(low, fraction_bits);
  const double above = high == infinity ? 2 * below - value_of(static_cast<std::uint16_t>(low - 1), fraction_bits)
                                        : value_of(high, fraction_bits);
  const double middle = below + (above - below) / 2;
  const bool up = target > middle || (target == middle && (low & 1) != 0);
  return static_cast<std::uint16_t>((up ? high : low) | (std::signbit(value) ? 0x8000 : 0));
}

struct Format {
  const char* name;
  int fraction_bits;
  double (*to_double)(std::uint16_t) noexcept;
  std::uint16_t (*from_double)(double) noexcept;
};

void PrintTo(const Format& format, std::ostream* out) { *out << format.name; }

class SixteenBits : public testing::TestWithParam<Format> {};

TEST_P(SixteenBits, EveryPatternHasItsExactValueAndConvertsBackToItself) {
  const Format format = GetParam();
  for (unsigned p = 0; p < 65536; ++p) {
    const auto pattern = static_cast<std::uint16_t>(p);
    const double expected = value_of(pattern, format.fraction_bits);
    const double value = format.to_double(pattern);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << p;
      ASSERT_TRUE(std::isnan(format.to_double(format.from_double(value)))) << p;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(value), std::bit_cast<std::uint64_t>(expected)) << p;
      ASSERT_EQ(format.from_double(value), pattern) << p;
    }
  }
}

TEST_P(SixteenBits, EveryMidpointRoundsToTheEvenNeighbor) {
  const Format format = GetParam();
  for (unsigned p = 0; p < 65536; ++p) {
    const auto pattern = static_cast<std::uint16_t>(p);
    const double value = format.to_double(pattern);
    if (!std::isfinite(value)) continue;
    const auto next_pattern = static_cast<std::uint16_t>(pattern + 1);
    double next = format.to_double(next_pattern);
    // Beyond the largest number, rounding works as if the exponent range continued.
    if (std::isinf(next)) next = 2 * value - format.to_double(static_cast<std::uint16_t>(pattern - 1));
    const double middle = value + (next - value) / 2;
    const std::uint16_t even = (pattern & 1) == 0 ? pattern : next_pattern;
    ASSERT_EQ(format.from_double(middle), even) << p;
    ASSERT_EQ(format.from_double(std::nextafter(middle, value)), pattern) << p;
    ASSERT_EQ(format.from_double(std::nextafter(middle, next)), next_pattern) << p;
  }
}

TEST_P(SixteenBits, DoublesOfEveryMagnitudeRoundToNearest) {
  const Format format = GetParam();
  std::mt19937_64 generator(7);
  for (int i = 0; i < 200000; ++i) {
    const double value = std::bit_cast<double>(generator());
    if (std::isnan(value)) continue;
    ASSERT_EQ(format.from_double(value), nearest(value, format.fraction_bits)) << value;
    const double moderate = std::ldexp(std::remainder(value, 1.0) + 1.5, static_cast<int>(generator() % 50) - 30);
    if (std::isnan(moderate)) continue;
    ASSERT_EQ(format.from_double(moderate), nearest(moderate, format.fraction_bits)) << moderate;
  }
}

TEST_P(SixteenBits, InfinitiesAndZerosKeepTheirSign) {
  const Format format = GetParam();
  for (const double value : {kInfinity, -kInfinity, 0.0, -0.0}) {
    const double back = format.to_double(format.from_double(value));
    EXPECT_EQ(back, value);
    EXPECT_EQ(std::signbit(back), std::signbit(value));
  }
  EXPECT_TRUE(std::isnan(format.to_double(format.from_double(std::numeric_limits<double>::quiet_NaN()))));
}

INSTANTIATE_TEST_SUITE_P(Formats, SixteenBits,
                         testing::Values(Format{"f16", 10, f16_to_double, double_to_f16},
                                         Format{"bf16", 7, bf16_to_double, double_to_bf16}),
                         [](const auto& format) { return std::string(format.param.name); });

TEST(DTypes, HaveDistinctNamesAndTheSizesOfTheirBits) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(DType::unknown); ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_TRUE(names.insert(name(type)).second) << name(type);
    EXPECT_EQ(size_of(type) * 8, bits(type) % 8 == 0 ? bits(type) : 0) << name(type);
    EXPECT_FALSE(is_real(type) && is_integer(type)) << name(type);
    EXPECT_EQ(unit_roundoff(type) > 0, is_real(type)) << name(type);
  }
}

TEST(DTypes, UnitRoundoffIsHalfTheGapAboveOne) {
  EXPECT_EQ(unit_roundoff(DType::f64), std::numeric_limits<double>::epsilon() / 2);
  EXPECT_EQ(unit_roundoff(DType::f32), static_cast<double>(std::numeric_limits<float>::epsilon()) / 2);
  EXPECT_EQ(unit_roundoff(DType::f16), (f16_to_double(0x3c01) - 1) / 2);
  EXPECT_EQ(unit_roundoff(DType::bf16), (bf16_to_double(0x3f81) - 1) / 2);
}

}  // namespace
}  // namespace sigmax
