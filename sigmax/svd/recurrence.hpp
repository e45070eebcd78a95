// What a Lanczos process from a random start says about the whole spectrum.
#pragma once

#include <vector>

namespace sigmax {

/// The tridiagonal matrix of the first cycle, before any restart, as the random start vector gives it. With g the start
/// vector, the polynomials orthonormal for the spectral measure of (C, g / |g|) satisfy p_0 = 1 and
/// beta_j p_j = (x - alpha_j) p_{j-1} - beta_{j-1} p_{j-2}, j = 1 ... steps.
struct LanczosRecurrence {
  std::vector<double> alpha;
  std::vector<double> beta;        ///< same length as alpha: the last is the norm that would begin the next step
  double start_norm = 0;           ///< |g|, g of independent standard normal entries
  bool drawn = false;              ///< see RandomState::drawn: the author of C could not know g
  double unit_roundoff = 0x1p-53;  ///< unit roundoff of the arithmetic of the products: 2^-24 for float
};

}  // namespace sigmax
