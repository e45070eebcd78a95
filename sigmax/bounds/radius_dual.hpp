// An enclosure of the dual norm of the numerical radius, w*(Y) = max <X, Y> over w(X) <= 1, from two matrices that
// nobody needs to trust. Internal to the library.
#pragma once

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::bounds {

/// B = gram_scale() times the transpose of the rows of `y.matrix`, column-major: the matrix that the witnesses are for.
/// It has the same w*.
Matrix<double> radius_dual_matrix(const InRange& y);

/// For the stored matrix, `factor` included. With B as above:
///
/// - from above, w*(B) <= trace P for every symmetric P that makes [[P, B^T], [B, P]] positive semidefinite. By Ando's
///   theorem any X with w(X) <= 1 has a symmetric Z with [[I + Z, X^T], [X, I - Z]] >= 0, and the inner product of two
///   semidefinite matrices, here that one and [[P, -B^T], [-B, P]], is not negative: trace P (I + Z) + trace P (I - Z)
///   >= 2 <X, B>. The smallest eigenvalue of the matrix, bounded from below by one Cholesky factorization, repairs a P
///   that misses.
/// - from below, <X, B> / w(X), with `radius_of_x` an enclosure of w(X); rounding included.
///
/// Both ends are proven if that of `radius_of_x` is. Throws Error unless all three are square and of one order.
Enclosure enclose_radius_dual(const InRange& y, const Matrix<double>& p, const Matrix<double>& x,
                              const Enclosure& radius_of_x, Context& context);

}  // namespace sigmax::bounds
