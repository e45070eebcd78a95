#include "sigmax/core/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

namespace sigmax {
namespace {

using Block = std::array<std::uint32_t, 4>;

// kat_vectors of the Random123 distribution, philox4x32 with 10 rounds.
TEST(Philox, GivesThePublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStates, CarryThroughEveryWord) {
  const RandomState state{{1, 2}, {~0U, ~0U, ~0U, 7}};
  EXPECT_EQ(skip(state, 1), (RandomState{{1, 2}, {0, 0, 0, 8}}));
  EXPECT_EQ(skip(skip(state, 0x123456789abcdefU), 17), skip(state, 0x123456789abcdefU + 17));
  EXPECT_EQ(skip(state, 0), state);
}

TEST(RandomStates, KeepSeedsAndStreamsApart) {
  std::vector<double> first(64);
  std::vector<double> second(64);
  for (const RandomState& other : {random_state(2), random_state(1, 1), random_state(std::uint64_t{1} << 32),
                                   random_state(1, ~std::uint64_t{0})}) {
    static_cast<void>(fill_uniform(random_state(1), first));
    static_cast<void>(fill_uniform(other, second));
    for (std::size_t i = 0; i < first.size(); ++i) EXPECT_NE(first[i], second[i]);
  }
}

TEST(RandomStates, SayWhetherTheyWereDrawnAndCarryIt) {
  EXPECT_FALSE(RandomState{}.drawn);
  EXPECT_FALSE(random_state(7, 3).drawn);
  std::vector<double> values(5);
  for (const RandomState& drawn :
       {drawn_random_state(), vouched(random_state(7)), random_state(drawn_seed()), given_or_drawn({})}) {
    EXPECT_TRUE(drawn.drawn);
    EXPECT_TRUE(skip(drawn, 9).drawn);
    EXPECT_TRUE(fill_uniform(drawn, values).drawn);
    EXPECT_TRUE(fill_normal(drawn, values).drawn);
  }
  EXPECT_FALSE(fill_normal(random_state(7), values).drawn);
  EXPECT_EQ(given_or_drawn(random_state(7)), random_state(7));
  EXPECT_NE(vouched(random_state(7)), random_state(7));
  EXPECT_EQ(random_state(Seed{7, 3}), random_state(7, 3));
  EXPECT_EQ(random_state(Seed{7, 3, true}), vouched(random_state(7, 3)));
}

// In 64 draws every drawn bit takes both values, except with a probability of 2^-63 for each bit.
TEST(RandomStates, AreDrawnFromAllBits) {
  std::uint64_t ones_of_key = 0, zeros_of_key = 0, ones_of_stream = 0, zeros_of_stream = 0;
  std::uint64_t ones = 0, zeros = 0;
  constexpr std::uint64_t k53 = (std::uint64_t{1} << 53) - 1;
  const auto word = [](std::uint32_t low, std::uint32_t high) { return std::uint64_t{high} << 32 | low; };
  for (int i = 0; i < 64; ++i) {
    const RandomState state = drawn_random_state();
    EXPECT_EQ(state.counter[0], 0U);
    EXPECT_EQ(state.counter[1], 0U);
    ones_of_key |= word(state.key[0], state.key[1]);
    zeros_of_key |= ~word(state.key[0], state.key[1]);
    ones_of_stream |= word(state.counter[2], state.counter[3]);
    zeros_of_stream |= ~word(state.counter[2], state.counter[3]);
    const Seed seed = drawn_seed();
    EXPECT_LE(seed.number, k53);
    EXPECT_LE(seed.stream, k53);
    ones |= seed.number & seed.stream;
    zeros |= ~seed.number & ~seed.stream & k53;
  }
  EXPECT_EQ(ones_of_key & zeros_of_key & ones_of_stream & zeros_of_stream, ~std::uint64_t{0});
  // A bit that is set in both numbers at once: missed with a probability of (3/4)^64 = 1e-8, for each of 106 bits.
  EXPECT_EQ(ones & zeros, k53);
}

TEST(FillNormal, IsAFunctionOfItsStateAndPiecesMakeTheWhole) {
  std::vector<double> whole(1001);
  const RandomState start = random_state(42);
  const RandomState end = fill_normal(start, whole);
  EXPECT_EQ(end, skip(start, 501));
  std::vector<double> pieces(1001);
  const std::span<double> view(pieces);
  const RandomState middle = fill_normal(start, view.first(400));
  static_cast<void>(fill_normal(middle, view.subspan(400)));
  EXPECT_EQ(whole, pieces);
  static_cast<void>(fill_normal(skip(start, 300), view.subspan(600)));
  EXPECT_EQ(whole, pieces);
  EXPECT_EQ(fill_normal(start, {}), start);
}

// The C library's functions give the same numbers from the same blocks, within a few units in the last place.
TEST(FillNormal, AgreesWithTheFormulaOfBoxAndMuller) {
  std::vector<double> values(200000);
  static_cast<void>(fill_normal(random_state(3), values));
  // radius is at most sqrt(2 * 53 log 2); rounding of the angle, up to 2 pi, moves the cosine by pi eps; the root, the
  // cosine and the product add a unit each, on either side.
  const double rounding =
      std::sqrt(2 * 53 * std::numbers::ln2) * (2 * std::numbers::pi + 6) * std::numeric_limits<double>::epsilon();
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const Block block = philox4x32(skip(random_state(3), i / 2).counter, random_state(3).key);
    const auto bits = [](std::uint32_t low, std::uint32_t high) { return (std::uint64_t{high} << 32 | low) >> 11; };
    const double radius = std::sqrt(-2 * std::log(static_cast<double>(bits(block[0], block[1]) + 1) * 0x1p-53));
    const double angle = 2 * std::numbers::pi * (static_cast<double>(bits(block[2], block[3])) * 0x1p-53);
    ASSERT_NEAR(values[i], radius * std::cos(angle), rounding);
    ASSERT_NEAR(values[i + 1], radius * std::sin(angle), rounding);
  }
}

// A checksum of the bits: another machine, compiler or option that gives other bits is caught here.
TEST(FillNormal, HasTheseBitsEverywhere) {
  std::vector<double> values(4096);
  static_cast<void>(fill_normal(random_state(2024, 5), values));
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const double value : values) hash = (hash ^ std::bit_cast<std::uint64_t>(value)) * 0x100000001b3U;
  EXPECT_EQ(hash, 16634580087510568016U);
}

// Largest distance between the empirical and the given distribution, times sqrt(n): it exceeds 1.95 once in a thousand.
template <class Distribution>
double kolmogorov_smirnov(std::vector<double> values, Distribution distribution) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = distribution(values[i]);
    const double rank = static_cast<double>(i);
    distance = std::max({distance, expected - rank / n, (rank + 1) / n - expected});
  }
  return distance * std::sqrt(n);
}

TEST(FillUniform, IsUniformOnTheHalfOpenInterval) {
  std::vector<double> values(500001);
  EXPECT_EQ(fill_uniform(random_state(9), values), skip(random_state(9), 250001));
  for (const double value : values) {
    ASSERT_TRUE(value >= 0 && value < 1);
    ASSERT_EQ(value * 0x1p53, std::floor(value * 0x1p53));
  }
  EXPECT_LT(kolmogorov_smirnov(values, [](double x) { return x; }), 1.95);
}

TEST(FillNormal, HasTheMomentsAndTheDistributionOfANormal) {
  const std::size_t n = 1000000;
  std::vector<double> values(n);
  static_cast<void>(fill_normal(random_state(11), values));
  double moments[5] = {};
  for (const double value : values) {
    for (int k = 1; k <= 4; ++k) moments[k] += std::pow(value, k);
  }
  // Standard deviations of the sample moments: sqrt of 1, 2, 15, 96, divided by sqrt(n); five of them are allowed.
  const double root = 5 / std::sqrt(static_cast<double>(n));
  EXPECT_NEAR(moments[1] / n, 0, root);
  EXPECT_NEAR(moments[2] / n, 1, root * std::sqrt(2.0));
  EXPECT_NEAR(moments[3] / n, 0, root * std::sqrt(15.0));
  EXPECT_NEAR(moments[4] / n, 3, root * std::sqrt(96.0));
  const auto normal = [](double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; };
  EXPECT_LT(kolmogorov_smirnov(values, normal), 1.95);
}

TEST(FillNormal, NeighborsInAPairAreNotCorrelated) {
  const std::size_t pairs = 500000;
  std::vector<double> values(2 * pairs);
  static_cast<void>(fill_normal(random_state(12), values));
  double products = 0;
  double squares = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    products += values[2 * i] * values[2 * i + 1];
    squares += (values[2 * i] * values[2 * i] - 1) * (values[2 * i + 1] * values[2 * i + 1] - 1);
  }
  EXPECT_NEAR(products / pairs, 0, 5 / std::sqrt(static_cast<double>(pairs)));
  EXPECT_NEAR(squares / pairs, 0, 10 / std::sqrt(static_cast<double>(pairs)));
}

}  // namespace
}  // namespace sigmax
