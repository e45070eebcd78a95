// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3,
// SC 2011). The state is a value: it goes in, the next one comes out, and nothing is hidden.
//
// The same state gives the same bits on every machine, compiler and thread count: integers come from 32-bit integer
// arithmetic, floating-point numbers from +, -, *, / and sqrt of doubles alone, which IEEE 754 rounds correctly, with
// contraction to fused multiply-adds switched off. No function of the C math library is used.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace sigmax {

/// The next block of 128 random bits is Philox of `counter` under `key`.
///
/// A probabilistic bound holds for every matrix that was made without knowledge of the state, and only for those: a
/// matrix made for a known state can defeat it with certainty. So a state records whether it was drawn, and states
/// derived from it (skip, fill_*) inherit that. States are equal if they give the same numbers and are equally entitled
/// to bounds.
struct RandomState {
  std::array<std::uint32_t, 2> key{};
  std::array<std::uint32_t, 4> counter{};
  bool drawn = false;  ///< from an unpredictable source, after the matrices that it is used on were made

  bool operator==(const RandomState&) const = default;
};

/// The state at the start of one of the 2^64 streams of a seed. Streams do not overlap before 2^64 blocks. Not drawn:
/// nothing is known here about who chose the seed.
RandomState random_state(std::uint64_t seed, std::uint64_t stream = 0) noexcept;

/// A state of 128 bits from the operating system's generator. Throws Error if the system has none.
RandomState drawn_random_state();

/// `state`, counted as drawn: for a caller who drew the seed at random, after the matrices were made, or who made the
/// matrices without regard to it. Probabilistic bounds depend on this being true.
RandomState vouched(RandomState state) noexcept;

/// `random`, or a state drawn now.
RandomState given_or_drawn(const std::optional<RandomState>& random);

/// A state that can be written down and read back: both numbers are whole and below 2^53, so that JSON readers that
/// only have doubles keep every digit.
struct Seed {
  std::uint64_t number = 0;
  std::uint64_t stream = 0;
  bool drawn = false;  ///< as RandomState::drawn

  bool operator==(const Seed&) const = default;
};

/// 106 bits from the operating system's generator, 53 in each number. Throws Error as drawn_random_state() does.
Seed drawn_seed();

/// The state of a seed, drawn if the seed was.
RandomState random_state(const Seed& seed) noexcept;

/// The state `blocks` blocks further on, in constant time: a piece of a long sequence can be made on its own.
RandomState skip(RandomState state, std::uint64_t blocks) noexcept;

/// A state whose numbers are unrelated to those of `state` and of every other salt: one salt for each purpose.
RandomState forked(const RandomState& state, std::uint64_t salt) noexcept;

/// A state that also depends on every bit of `data`. An earlier call may have made `data` with numbers of this state;
/// numbers that must be independent of `data` are then taken from here. One pass.
RandomState forked(const RandomState& state, std::span<const double> data) noexcept;

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
