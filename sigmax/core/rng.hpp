// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3,
// SC 2011). The state is a value: it goes in, the next one comes out, and nothing is hidden.
//
// The same state gives the same bits on every machine, compiler and thread count: integers come from 32-bit integer
// arithmetic, floating-point numbers from +, -, *, / and sqrt of doubles alone, which IEEE 754 rounds correctly, with
// contraction to fused multiply-adds switched off. No function of the C library's mathematics takes part.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace sigmax {

/// The next block of 128 random bits is Philox of `counter` under `key`.
struct RandomState {
  std::array<std::uint32_t, 2> key{};
  std::array<std::uint32_t, 4> counter{};

  bool operator==(const RandomState&) const = default;
};

/// The state at the start of one of the 2^64 streams of a seed. Streams do not overlap before 2^64 blocks.
RandomState random_state(std::uint64_t seed, std::uint64_t stream = 0) noexcept;

/// The state `blocks` blocks further on, in constant time: a piece of a long sequence can be made on its own.
RandomState skip(RandomState state, std::uint64_t blocks) noexcept;

/// The Philox4x32-10 bijection.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) noexcept;

/// Fills with independent uniforms on [0, 1), multiples of 2^-53. Takes ceil(size / 2) blocks.
[[nodiscard]] RandomState fill_uniform(RandomState state, std::span<double> values) noexcept;

/// Fills with independent standard normals (Box-Muller); the largest magnitude that can occur is 8.58, the mass beyond
/// it 1e-17. Takes ceil(size / 2) blocks whatever the values, so that pieces of even length, each begun with skip(),
/// give the bits of the whole.
[[nodiscard]] RandomState fill_normal(RandomState state, std::span<double> values) noexcept;

}  // namespace sigmax
