#include "sigmax/nn/singular_state.hpp"

#include <cmath>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/kernels/vector.hpp"
#include "sigmax/svd/methods/power.hpp"

namespace sigmax::nn {

std::string_view message(StateFault fault) noexcept {
  switch (fault) {
    case StateFault::none: return "in order";
    case StateFault::not_unit: return "not of unit length";
    case StateFault::flipped: return "of the wrong sign";
    case StateFault::zero: return "of length 0";
    case StateFault::not_finite: return "not finite";
    case StateFault::wrong_size: return "of the wrong size";
  }
  return "in order";
}

template <Real T>
StateFault examine(std::span<const T> x) {
  const FloatingEnvironment environment;
  const double norm = kernels::norm2(x);
  if (!std::isfinite(norm)) return StateFault::not_finite;
  if (norm == 0) return StateFault::zero;
  return std::fabs(norm - 1) > kUnitTolerance ? StateFault::not_unit : StateFault::none;
}

template <Real T>
void draw_unit(std::uint64_t seed, std::uint64_t stream, std::span<T> x) {
  const FloatingEnvironment environment;
  if (x.empty()) return;
  (void)random_unit_vectors<T>(random_state(seed, stream), MatrixView<T>(x));
}

template StateFault examine<float>(std::span<const float>);
template StateFault examine<double>(std::span<const double>);
template void draw_unit<float>(std::uint64_t, std::uint64_t, std::span<float>);
template void draw_unit<double>(std::uint64_t, std::uint64_t, std::span<double>);

}  // namespace sigmax::nn
