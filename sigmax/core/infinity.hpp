// Infinity, which is the answer to many questions: a condition number, a bound that is not known.
#pragma once

#include <limits>

namespace sigmax {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace sigmax
