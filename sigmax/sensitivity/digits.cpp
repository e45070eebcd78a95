#include "sigmax/sensitivity/digits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::sensitivity {

Digits digits_lost(const Enclosure& condition) {
  const FloatingEnvironment environment;
  const auto digits = [](double kappa) { return std::log10(std::max(kappa, 1.0)); };
  return {digits(condition.lower.value()),
          condition.upper ? digits(condition.upper->value()) : std::numeric_limits<double>::infinity()};
}

double digits_held(DType type) {
  const FloatingEnvironment environment;
  const double roundoff = unit_roundoff(type);
  if (!(roundoff > 0)) {
    throw Error(fmt::format("[digits_held] {} is not a real storage type: pass f64, f32, f16 or bf16", name(type)));
  }
  return -std::log10(roundoff);
}

Digits digits_kept(const Enclosure& condition, DType type) {
  const FloatingEnvironment environment;
  const double held = digits_held(type);
  const Digits lost = digits_lost(condition);
  return {std::max(held - lost.most, 0.0), std::max(held - lost.least, 0.0)};
}

}  // namespace sigmax::sensitivity
