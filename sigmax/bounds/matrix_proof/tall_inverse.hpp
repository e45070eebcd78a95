// The pseudo-inverse of a tall stored matrix, and how far the stored one is from it. Derivation: docs/proofs.md.
// Internal to bounds/.
#pragma once

#include <optional>

#include "sigmax/bounds/matrix_proof/left_inverse.hpp"
#include "sigmax/bounds/matrix_proof/products.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// |C - B^+| <= error in each norm. A left inverse is known to n u kappa |B^+| in norms in which a projection may be
/// longer than 1; this one, for B = Q R, to about n u + n^2 u kappa 2^-20.
struct TallInverse {
  Matrix<double> adjoint;  ///< C^T, of the shape of B
  NormBounds error;        ///< of C
};

/// Nothing if full rank cannot be shown: from kappa = 1e14 on. Cost for p x n: 14 p n^2 flops, 5 p n doubles.
std::optional<TallInverse> tall_inverse(const TallMatrix& b, Context& context);

}  // namespace sigmax::bounds
