// The rounding of hermitian_cholesky(), with margins. Internal to bounds/.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/linalg/hermitian_cholesky.hpp"

namespace sigmax::bounds {

template <Real T>
inline constexpr double kRoundoff = std::same_as<T, float> ? 0x1p-24 : 0x1p-53;

/// gamma_n for the unit roundoff of T, rounded up.
template <Real T>
double gamma_in(double n) {
  const double nu = n * kRoundoff<T>;
  return round_up(nu / (1 - nu));
}

/// The relative error of a factorization that completes for row k (from 1), with a margin for b_ii against |l_i|^2:
/// |l_i|^2 <= b_ii / (1 - c).
template <Real T>
double hermitian_row_constant(std::int64_t k) {
  const double terms = static_cast<double>(std::min<std::int64_t>(2 * k, 2 * kHermitianPanel) + 4);
  const std::int64_t whole_panels = k / kHermitianPanel;
  const double panels = static_cast<double>(whole_panels + 1);
  const double c = 1.4142136 * (gamma_in<T>(terms) + panels * kRoundoff<T>)*(1 + 0x1p-10);
  return round_up(c / (1 - c));
}

}  // namespace sigmax::bounds
