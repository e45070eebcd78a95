// The norm that inputs and outputs are measured in.
#pragma once

#include <string_view>

namespace sigmax::lipschitz {

/// |x|_1, |x|_2, and |x|_inf, the greatest |x_i|. Inputs and outputs have the same.
enum class VectorNorm { one, two, infinity };

/// "1-norm", "2-norm", "infinity-norm".
constexpr std::string_view name(VectorNorm norm) noexcept {
  return norm == VectorNorm::one ? "1-norm" : norm == VectorNorm::two ? "2-norm" : "infinity-norm";
}

/// "1", "2", "inf": as --ord and reports spell it.
constexpr std::string_view ord(VectorNorm norm) noexcept {
  return norm == VectorNorm::one ? "1" : norm == VectorNorm::two ? "2" : "inf";
}

}  // namespace sigmax::lipschitz
