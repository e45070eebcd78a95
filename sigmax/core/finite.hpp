// Numbers that must be finite. Internal to the library.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace sigmax {

/// Throws Error: `[who] the vector has an entry that is not finite, nan at [3]`, with `what` for the vector.
[[noreturn]] void throw_not_finite(std::string_view who, std::string_view what, double value, std::size_t index);

/// Throws Error, as above, for the first number that is NaN or infinite. Cost: one read.
template <std::floating_point T>
void require_finite(std::span<const T> values, std::string_view who, std::string_view what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) throw_not_finite(who, what, static_cast<double>(values[i]), i);
  }
}

}  // namespace sigmax
