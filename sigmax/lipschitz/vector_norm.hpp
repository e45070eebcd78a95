// The norm that inputs and outputs are measured in.
#pragma once

#include <string_view>

namespace sigmax::lipschitz {

/// |x|_1, |x|_2, and |x|_inf, the greatest |x_i|. Inputs and outputs have the same.
enum class VectorNorm { one, two, infinity };

/// "l1", "l2", "linf".
constexpr std::string_view name(VectorNorm norm) noexcept {
  return norm == VectorNorm::one ? "l1" : norm == VectorNorm::two ? "l2" : "linf";
}

}  // namespace sigmax::lipschitz
