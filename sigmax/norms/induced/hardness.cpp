#include "sigmax/norms/induced/hardness.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/exponent.hpp"

namespace sigmax::norms {
namespace {}  // namespace

double gaussian_norm(double r) {
  const FloatingEnvironment environment;
  if (!(r >= 1)) throw Error(fmt::format("[gaussian_norm] r must be at least 1, got {}", r));
  if (std::isinf(r)) return kInfinity;
  return std::sqrt(2.0) * std::exp((std::lgamma((r + 1) / 2) - std::log(std::numbers::pi) / 2) / r);
}

std::optional<double> approximation_limit(double p, double q) {
  const FloatingEnvironment environment;
  if (!(p >= 1) || !(q >= 1)) {
    throw Error(fmt::format("[approximation_limit] p and q must be at least 1, got {} and {}", p, q));
  }
  if (p == 1 || std::isinf(q) || (p == 2 && q == 2)) return 1;
  if (p >= 2 && q <= 2) return 1 / (gaussian_norm(conjugate(p)) * gaussian_norm(q));
  if (p <= 2 && q >= 2) return std::nullopt;
  return kInfinity;
}

}  // namespace sigmax::norms
