// The penalties of regularizers, as types. Those with a proximal map form a separate variant, so that asking for the
// map of any other penalty does not compile.
#pragma once

#include <variant>

#include "sigmax/norms/table.hpp"

namespace sigmax::nn {

namespace penalty {
using norms::Frobenius;      // |W|_F: all of W, or none
using norms::KyFan;          // sum of the k largest singular values
using norms::Nuclear;        // sum sigma_i: low rank
using norms::Spectral;       // sigma_1: a small Lipschitz constant
struct SquaredFrobenius {};  ///< |W|_F^2: weight decay
struct Orthogonality {};     ///< |G - I|_F^2, G = W^T W or W W^T, whichever is smaller
/// |G - I|_2 = max(sigma_1^2 - 1, 1 - sigma_n^2), n = min(rows, columns) (Bansal, Chen, Wang: Can we gain more from
/// orthogonality regularizations in training deep networks?, NeurIPS 2018: SRIP).
struct SpectralOrthogonality {};
}  // namespace penalty

/// Any norm, and three more penalties.
using Penalty =
    std::variant<norms::Norm, penalty::SquaredFrobenius, penalty::Orthogonality, penalty::SpectralOrthogonality>;

/// The convex penalties whose proximal map is known in closed form.
using ProximalPenalty =
    std::variant<penalty::SquaredFrobenius, norms::Frobenius, norms::Nuclear, norms::Spectral, norms::KyFan>;

}  // namespace sigmax::nn
