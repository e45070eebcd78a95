// The state that a weight keeps during training, an approximate leading pair of singular vectors, and its repair.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sigmax/core/view.hpp"

namespace sigmax::nn {

/// The defect of a state's vector.
enum class StateFault : std::uint8_t {
  none,
  not_unit,    ///< length off 1 by more than kUnitTolerance, as in a moving average of states. Divided by it.
  flipped,     ///< u^T W v < 0: the sign of u was changed
  zero,        ///< of length 0
  not_finite,  ///< NaN or infinity among the entries, or a length that overflows
  wrong_size,  ///< not as many entries as the weight has rows or columns
};

/// `of length 0`, ...: for messages.
std::string_view message(StateFault fault) noexcept;

/// Vectors stored in bf16 are off by up to 2^-9.
inline constexpr double kUnitTolerance = 0x1p-8;

/// The repairs that were made; none unless `any()`.
struct StateRepair {
  StateFault u = StateFault::none;
  StateFault v = StateFault::none;
  bool drawn = false;  ///< neither vector could be computed from the other: one was drawn at random

  bool any() const noexcept { return u != StateFault::none || v != StateFault::none; }
};

/// The defect of a vector by itself: none, not_unit, zero or not_finite.
template <Real T>
StateFault examine(std::span<const T> x);

/// A random vector of unit length, uniformly distributed. It depends only on the seed, the stream and the size. u and v
/// are drawn from streams 0 and 1 of a seed.
template <Real T>
void draw_unit(std::uint64_t seed, std::uint64_t stream, std::span<T> x);

}  // namespace sigmax::nn
