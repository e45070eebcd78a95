// Counts in messages: one of a thing, or many. Internal to the library and cli/.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace sigmax {

/// `one` for a count of 1, otherwise `many`: a verb, a pronoun, an irregular noun.
constexpr std::string_view either(std::integral auto count, std::string_view one, std::string_view many) {
  return count == 1 ? one : many;
}

/// `1 tensor`, `0 tensors`, `12 tensors`: a noun that takes an s.
std::string plural(std::integral auto count, std::string_view noun) {
  std::string text = std::to_string(count) + ' ';
  text += noun;
  if (count != 1) text += 's';
  return text;
}

/// `1 NaN entry`, `3 infinite entries`, `2 NaN and 1 infinite entries`: what keeps a matrix from having figures.
std::string non_finite_count(std::integral auto nan, std::integral auto infinite) {
  if (nan != 0 && infinite != 0) {
    return std::to_string(nan) + " NaN and " + std::to_string(infinite) + " infinite entries";
  }
  const bool of_nan = nan != 0;
  std::string text = std::to_string(of_nan ? nan : infinite);
  text += of_nan ? " NaN " : " infinite ";
  text += (of_nan ? nan : infinite) == 1 ? "entry" : "entries";
  return text;
}

}  // namespace sigmax
