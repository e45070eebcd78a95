// An enclosure of the numerical radius w(A) = max |x* A x| over complex x of length 1, from a vector that nobody needs
// to trust. Internal to the library.
#pragma once

#include <span>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::bounds {

/// For the stored matrix, `factor` included. Both ends are proven, rounding included, for x = re + i im:
///
/// - from below, |x* A x| / |x|^2 less the rounding of the products;
/// - from above, Ando's theorem: if P and Q are symmetric and [[P, A^T], [A, Q]] is positive semidefinite, then for
///   every x and t the vector (x, -e^{it} x) gives x* P x + x* Q x >= 2 Re(e^{it} x* A x), so that w(A) <=
///   lambda_max(P + Q) / 2. P + Q is diagonal here, and one Cholesky factorization of order 2 n shows the
///   semidefiniteness. Q is the maximal solution of Q + A^T Q^{-1} A = 2 r I, which exists if and only if w(A) <= r
///   (Engwerda, Ran, Rijkeboer, Linear Algebra Appl. 186, 1993), by the doubling algorithm of Lin and Xu (Linear
///   Algebra Appl. 418, 2006), for r a little above the quotient; r grows until the factorization completes. Nothing of
///   the solution is trusted. At most |A| in any case.
///
/// The relative width is about 4 n^2 u if x is a maximizer; if x misses the maximum, the ends are apart. Cost: about 8
/// n^3 flops per doubling step, 10 to 40 steps, and 8 n^3 / 3 for each factorization. `a` is the matrix or its
/// transpose, which has the same w: square, not empty, with finite entries. Throws Error unless x fits.
Enclosure enclose_numerical_radius(const InRange& a, std::span<const double> re, std::span<const double> im,
                                   Context& context);

}  // namespace sigmax::bounds
