// A left inverse of a stored matrix that is verified: how far it is from one, rounding included. Derivation:
// docs/proofs.md. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/bounds/matrix_proof/products.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::bounds {

/// B = 2^exponent A, or of its transpose, with no fewer rows than columns. The entries of what is stored are at most 1.
struct TallMatrix {
  Matrix<double> values;
  std::int64_t exponent = 0;
  bool transposed = false;  ///< of the given matrix
  /// At least |B - values| in the 1-, infinity- and Frobenius norm: 0 unless entries underflowed or A is known only up
  /// to an error.
  double error = 0;
};

/// The entries of `a` are finite and not all zero. A is within `error` of it, in the Frobenius norm. Cost: one read,
/// and rows x columns doubles.
TallMatrix tall_matrix(const kernels::StoredMatrix& a, double error, Context& context);

/// C with |I - C B| <= residual, in each norm, for an exact C that is within `error` of the stored one.
///
/// Y is an approximate inverse of B, from an LU factorization with row exchanges if B is square and from a QR
/// factorization otherwise. If what is known of the factorization is enough, C = Y. Otherwise nothing is assumed of Y:
/// R = I - Y B is computed with a bound E on its error, and C = Y + R Y is the left inverse with
///
///     I - C B = R R~ - E,    R~ = I - Y B exactly.
///
/// `projection` is at least |C (I - P)|_F, P the orthogonal projection on the range of B: 0 for a square B.
struct LeftInverse {
  Matrix<double> adjoint;  ///< C^T, of the shape of B
  NormBounds residual;     ///< of I - C B
  NormBounds error;        ///< of the stored C
  double projection = 0;
};

/// Nothing if no |I - C B| < 1 can be shown in any norm: if B is singular or nearly so. `enough` is a residual, in the
/// 1-, 2- and infinity-norm, with which the caller is content. For a square B the first bound comes with the
/// factorization, without a product: about 3 n u | |Y| |L| |U| |. If it does not reach `enough`, Y B is formed; if that
/// reaches neither `enough` nor 1e-10, Y and B are split so that the product of their leading parts is exact. Plain
/// products prove condition numbers up to about 1e16 / n, split ones up to about 1e15 / sqrt(n), n the order.
///
/// Cost for p x n: 2 n^3 flops for a square Y and 4 p n^2 for another one, 4 p n^2 for R and C, and 4 p n^2 more for
/// the split product; 4 p n^2 for the projection of p > n; 4 p n doubles.
std::optional<LeftInverse> left_inverse(const TallMatrix& b, double enough, Context& context);

}  // namespace sigmax::bounds
