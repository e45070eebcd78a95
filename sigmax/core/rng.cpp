#include "sigmax/core/rng.hpp"

#include <bit>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <exception>
#include <random>
#include <string>

#if __has_include(<sys/random.h>)
#include <sys/random.h>
#endif

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

struct Pair {
  double first;
  double second;
};

// 53 bits of two words. The words of a block are used in order, two for each uniform.
std::uint64_t bits53(std::uint32_t low, std::uint32_t high) { return (std::uint64_t{high} << 32 | low) >> 11; }

Pair uniform_pair(const std::array<std::uint32_t, 4>& block) {
  return {static_cast<double>(bits53(block[0], block[1])) * 0x1p-53,
          static_cast<double>(bits53(block[2], block[3])) * 0x1p-53};
}

// Natural logarithm of a normal positive double, to about an ulp. x = m 2^e with m in [sqrt(1/2), sqrt(2)), and
// log m = 2 artanh(t) = 2 (t + t^3/3 + t^5/5 + ...) for t = (m - 1) / (m + 1), |t| < 0.1716: the first term left out,
// t^24/25 relative to t, is below 2^-65.
double natural_log(double x) {
  constexpr double kLn2 = 0x1.62e42fefa39efp-1;
  const auto pattern = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(pattern >> 52) - 1023;
  double m = std::bit_cast<double>((pattern & 0x000fffffffffffffU) | 0x3ff0000000000000U);
  if (m >= 0x1.6a09e667f3bcdp0) {
    m *= 0.5;
    ++exponent;
  }
  const double t = (m - 1) / (m + 1);
  const double square = t * t;
  double series = 0;
  for (int k = 23; k >= 1; k -= 2) series = series * square + 1.0 / k;
  return 2 * t * series + exponent * kLn2;
}

// cos and sin of x for |x| <= pi / 4 by their Taylor series; the first terms left out are below 2^-60.
Pair cos_sin_near_zero(double x) {
  const double square = x * x;
  double cosine = 0;
  for (int k = 18; k >= 2; k -= 2) cosine = (1 - cosine) * square / (k * (k - 1));
  double sine = 0;
  for (int k = 17; k >= 3; k -= 2) sine = (1 - sine) * square / (k * (k - 1));
  return {1 - cosine, x - x * sine};
}

// cos(2 pi u), sin(2 pi u) for u in [0, 1): the nearest quarter turn is taken off exactly.
Pair cos_sin_turns(double u) {
  constexpr double kHalfPi = 0x1.921fb54442d18p0;
  const int quarter = static_cast<int>(std::floor(4 * u + 0.5));
  const auto [c, s] = cos_sin_near_zero((4 * u - quarter) * kHalfPi);
  switch (quarter % 4) {
    case 0: return {c, s};
    case 1: return {-s, c};
    case 2: return {-c, -s};
    default: return {s, -c};
  }
}

// Box-Muller: for uniforms a on (0, 1] and b on [0, 1), sqrt(-2 log a) (cos 2 pi b, sin 2 pi b) is a pair of
// independent standard normals. Rejection methods need no cosine, but how far they advance the state depends on the
// values, so a piece could not be made on its own.
Pair normal_pair(const std::array<std::uint32_t, 4>& block) {
  const double a = static_cast<double>(bits53(block[0], block[1]) + 1) * 0x1p-53;
  const double b = static_cast<double>(bits53(block[2], block[3])) * 0x1p-53;
  const double radius = std::sqrt(-2 * natural_log(a));
  const auto [cosine, sine] = cos_sin_turns(b);
  return {radius * cosine, radius * sine};
}

template <class MakePair>
RandomState fill(RandomState state, std::span<double> values, MakePair make_pair) {
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const auto [first, second] = make_pair(philox4x32(state.counter, state.key));
    values[i] = first;
    if (i + 1 < values.size()) values[i + 1] = second;
    state = skip(state, 1);
  }
  return state;
}

// 128 unpredictable bits. getentropy() is one system call and never returns less than requested.
std::array<std::uint64_t, 2> draw() {
  std::array<std::uint64_t, 2> bits{};
#if __has_include(<sys/random.h>)
  if (getentropy(bits.data(), sizeof bits) != 0) {
    throw Error(std::string("[random] the operating system gives no random numbers: ") + std::strerror(errno));
  }
#else
  try {
    std::random_device device;
    std::uniform_int_distribution<std::uint64_t> any;
    for (std::uint64_t& word : bits) word = any(device);
  } catch (const std::exception& e) {
    throw Error(std::string("[random] the operating system gives no random numbers: ") + e.what());
  }
#endif
  return bits;
}

}  // namespace

RandomState random_state(std::uint64_t seed, std::uint64_t stream) noexcept {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  return {{low(seed), low(seed >> 32)}, {0, 0, low(stream), low(stream >> 32)}};
}

RandomState drawn_random_state() {
  const auto [seed, stream] = draw();
  return vouched(random_state(seed, stream));
}

RandomState vouched(RandomState state) noexcept {
  state.drawn = true;
  return state;
}

RandomState given_or_drawn(const std::optional<RandomState>& random) { return random ? *random : drawn_random_state(); }

Seed drawn_seed() {
  const auto [number, stream] = draw();
  return {number >> 11, stream >> 11, true};
}

RandomState random_state(const Seed& seed) noexcept {
  RandomState state = random_state(seed.number, seed.stream);
  state.drawn = seed.drawn;
  return state;
}

RandomState forked(const RandomState& state, std::uint64_t salt) noexcept {
  const auto low = static_cast<std::uint32_t>(salt);
  const auto high = static_cast<std::uint32_t>(salt >> 32);
  const auto& c = state.counter;
  // The constant keeps these blocks apart from those that random numbers are made of.
  const auto block = philox4x32({c[0] ^ low, c[1] ^ high, c[2], c[3]}, {state.key[0] ^ 0x85ebca6bU, state.key[1]});
  return {{block[0] ^ state.key[0], block[1] ^ state.key[1]}, {0, 0, block[2], block[3]}, state.drawn};
}

RandomState forked(const RandomState& state, std::span<const double> data) noexcept {
  std::uint64_t hash = data.size();
  for (const double value : data) {
    hash = (hash ^ std::bit_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29;
  }
  return forked(state, hash);
}

RandomState skip(RandomState state, std::uint64_t blocks) noexcept {
  std::uint64_t carry = blocks;
  for (std::uint32_t& word : state.counter) {
    const std::uint64_t sum = std::uint64_t{word} + (carry & 0xffffffffU);
    word = static_cast<std::uint32_t>(sum);
    carry = (carry >> 32) + (sum >> 32);
  }
  return state;
}

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

RandomState fill_uniform(RandomState state, std::span<double> values) noexcept {
  const FloatingEnvironment environment;
  return fill(state, values, uniform_pair);
}

RandomState fill_normal(RandomState state, std::span<double> values) noexcept {
  const FloatingEnvironment environment;
  return fill(state, values, normal_pair);
}

}  // namespace sigmax
