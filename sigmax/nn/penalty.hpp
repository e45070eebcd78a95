// What a regularizer may penalize, as types: those with a proximal map are a variant of their own, so that asking for
// the map of another one does not compile.
#pragma once

#include <cstdint>
#include <variant>

namespace sigmax::nn {

namespace penalty {
struct SquaredFrobenius {};  ///< |W|_F^2: weight decay
struct Frobenius {};         ///< |W|_F: all of W, or none
struct Nuclear {};           ///< sum sigma_i: low rank
struct Spectral {};          ///< sigma_1: a small Lipschitz constant
struct KyFan {
  std::int64_t k = 1;
};                        ///< sum of the k largest singular values
struct Orthogonality {};  ///< |G - I|_F^2, G = W^T W or W W^T, whichever is smaller
/// |G - I|_2 = max(sigma_1^2 - 1, 1 - sigma_n^2), n = min(rows, columns) (Bansal, Chen, Wang: Can we gain more from
/// orthogonality regularizations in training deep networks?, NeurIPS 2018: SRIP).
struct SpectralOrthogonality {};
}  // namespace penalty

/// The convex ones, whose proximal map is known in closed form.
using ProximalPenalty =
    std::variant<penalty::SquaredFrobenius, penalty::Frobenius, penalty::Nuclear, penalty::Spectral, penalty::KyFan>;

using Penalty = std::variant<penalty::SquaredFrobenius, penalty::Frobenius, penalty::Nuclear, penalty::Spectral,
                             penalty::KyFan, penalty::Orthogonality, penalty::SpectralOrthogonality>;

}  // namespace sigmax::nn
