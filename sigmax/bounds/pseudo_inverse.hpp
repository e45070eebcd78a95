// Enclosures of the norms of the pseudo-inverse of a stored matrix, and of sigma_min = 1 / |A^+|_2.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::bounds {

/// The norms of A^+ that are wanted.
struct PseudoInverseRequest {
  bool two = true;       ///< sigma_min: a Gram matrix and Cholesky factorizations where they suffice
  bool entries = false;  ///< the 1-, infinity- and Frobenius norm, and the matrix: an approximate inverse
};

/// The ends are those of B = 2^exponent A, whose largest entry is in [1/2, 1), so that none of them leaves the range of
/// double where A lies far from 1: |A^+| = 2^exponent |B^+|, and sigma_i(A) = 2^-exponent sigma_i(B). Where nothing is
/// known, a lower end is 0 and an upper end is missing.
struct PseudoInverse {
  std::int64_t exponent = 0;
  Enclosure sigma_min;       ///< of B: the min(rows, columns)-th singular value
  Enclosure two;             ///< |B^+|_2
  Enclosure one;             ///< |B^+|_1, the largest column sum
  Enclosure inf;             ///< |B^+|_inf, the largest row sum
  Enclosure frobenius;       ///< |B^+|_F
  Enclosure norm_one;        ///< |B|_1; known where PseudoInverseRequest::entries was set and B was formed
  Enclosure norm_inf;        ///< |B|_inf
  Enclosure norm_frobenius;  ///< |B|_F
  /// Whether the rank is known to be less than min(rows, columns): on the shorter side a row or column is zero, or two
  /// are equal except for their signs. Then sigma_min is 0, exactly. Other singular matrices are not told from nearly
  /// singular ones.
  bool singular = false;
  /// An approximation C of B^+, columns x rows; empty if none was needed or none could be verified. At rank
  /// min(rows, columns) |C - B^+| is about `residual` |B^+|.
  Matrix<double> inverse;
  double residual = 1;  ///< at least |I - C B|, or |I - B C| for fewer rows than columns, in the 1-, 2- and inf-norm
  double error = 0;     ///< that residual is of a matrix this close to C, in the 1- and the infinity-norm
};

/// The norms of A^+ for an A of full rank min(rows, columns), and sigma_min for any A. If a positive lower end of
/// sigma_min can be shown, A has full rank: that is a theorem, every rounding error included, and then the norms of A^+
/// have upper ends. Otherwise nothing is known about the rank, and all norms of A^+ are only known from below.
///
/// - Two Cholesky factorizations of the Gram matrix show sigma_min to a relative width of about n^2 u kappa^2: for
///   condition numbers kappa up to about 1e6.
/// - An approximate inverse C with |I - C B| < 1, computed with a proven bound of all rounding errors, shows it up to
///   about 1e14 for square matrices of moderate order. The relative width is about (n u kappa)^2, and n u kappa for
///   the upper end of the sigma_min of a rectangular A.
/// - A pseudo-inverse that is verified by its QR factor, for the 1-, infinity- and Frobenius norm of a rectangular A: a
///   width of about n^2 u kappa 2^-20.
///
/// Cost for p x n, p >= n: p n^2 + n^3 flops for the Gram matrix, if it does not exist yet, and its factorizations; 8 p
/// n^2 to 16 p n^2 flops for the inverse, 14 p n^2 more for the last proof, 5 p n doubles, and another Gram matrix for
/// the 2-norm. Only matrices whose shorter side is at most CertifyOptions::proven_up_to are factored, and only by
/// methods that admit_factorization(); for all others nothing is known but sigma_min >= 0 and an upper end from norms.
/// An inverse is formed of at most CertifyOptions::formed_up_to entries. CertifyOptions::relative_width: the Gram
/// matrix is enough if it reaches that width, or 1e-8.
///
/// Throws Error for an empty matrix and for entries that are not finite; InternalError as certify() does. Derivation:
/// docs/proofs.md. After Rump, Verification methods, Acta Numerica 19 (2010).
PseudoInverse enclose_pseudo_inverse(ScannedMatrix& a, const PseudoInverseRequest& request,
                                     const CertifyOptions& options, Context& context);

/// For an operator whose matrix may be formed by its structure (CertifyOptions::formed_up_to), the rounding of forming
/// it included. Nothing for an operator with an opaque part. Throws Error for an operator without entries, and as
/// above.
template <Real T>
std::optional<PseudoInverse> enclose_pseudo_inverse(const LinearOperator<T>& a, const PseudoInverseRequest& request,
                                                    const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
std::optional<PseudoInverse> enclose_pseudo_inverse(const LinearOperator<T>& a, const PseudoInverseRequest& request,
                                                    const CertifyOptions& options = {}) {
  Context context;
  return enclose_pseudo_inverse(a, request, options, context);
}

/// |B^-1|_{q->p} for any p and q, from an enclosure of that norm of PseudoInverse::inverse. Throws Error if there is no
/// verified inverse, and for rectangular matrices.
Enclosure inverse_norm(const PseudoInverse& inverse, const Enclosure& norm_of_approximation);

/// The exponent that PseudoInverse has for this matrix; 0 for a matrix of zeros.
std::int64_t unit_exponent(const ScannedMatrix& a);

/// |B^+|_p from below, for p = 1, 2 or infinity and an A of full column rank: |y|_p / |B y|_p for any y, because y =
/// B^+ B y. An estimator's vector makes a proven lower bound in this way; a y that B does not shrink gives a small one.
/// Cost: a copy in double and one product. Throws Error for another p, for a y that does not fit, and for entries that
/// are not finite.
Enclosure inverse_lower_bound(ScannedMatrix& a, std::span<const double> y, double p, Context& context);

}  // namespace sigmax::bounds
