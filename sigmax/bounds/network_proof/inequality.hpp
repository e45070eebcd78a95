// The matrix P(mu) of a network as it is computed, and what a completed factorization needs to make up for rounding.
// Internal to bounds/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/bounds/network_proof/scaled.hpp"
#include "sigmax/linalg/block_cholesky.hpp"

namespace sigmax::bounds {

/// P(mu) in the variables of `network`, block 0 the inputs, less a multiple of the diagonal:
///
///     stored = P - diag(c h + r) - reserve I + F,   h_j >= 2 mu'_j + 4 sum_i |mu'_i a_i b_i| W'_ij^2  (1 for an
///     input),
///
/// r what the errors of weights may take (uncertainty.hpp), and c of the block of j so large that a Cholesky
/// factorization that completes shows P >= 0, together with an output of up to `most_outputs` rows below it: [P, C^T;
/// C, rho I] >= 0 if the last block, rho (1 - c_output) I, completes. For an output with errors of the norm e, rho is
/// e^2 / reserve more.
struct Inequality {
  BlockMatrix matrix;
  double output_shift = 0;  ///< c_output
  double reserve = 0;
};

Inequality inequality(const ScaledNetwork& network, std::int64_t most_outputs, double reserve, Context& context);

}  // namespace sigmax::bounds
