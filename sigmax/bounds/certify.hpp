// Certificates: an enclosure of sigma_max and how it is known.
#pragma once

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// lower <= sigma_max(A) <= upper, starting from what svd() found. The ends speak of the exact operator: the stored
/// values, combined without rounding as structure() says, whatever T is.
///
/// - The lower end is |A v| / |v| for the hint's first right singular vector (or a better one), rounding included:
///   proven. A poor vector costs width, never the truth.
/// - The upper end is the first that is tight enough of: entrywise norms (no read of A beyond the first), Collatz
///   quotients (one read each; tight for matrices that are nonnegative up to signs of rows and columns), a Cholesky
///   factorization (the Gram matrix, rows x columns x k flops, and k^3 / 3, k the shorter side; k^2 doubles), the
///   probabilistic bound (no read; needs hint.recurrences, so svd() from a random start, that this start was drawn
///   (RandomState::drawn, so by default) after the operator was made, that the hint is of this operator, and sizes
///   whose products stay in range all the way, docs/proofs.md has the exponents). Composites are formed for the
///   factorization if they may be, with every rounding bounded; otherwise their parts are bounded and the algebra of
///   norms puts them together. It is missing where it overflows.
/// - Of an operator with an opaque part only the products are known. Its lower end holds for the operator as it
///   computes: the rounding of the norms is allowed for, that of the products cannot be. Its upper end is
///   probabilistic, or missing.
///
/// The matrix must not change meanwhile. If it does, what comes out is the enclosure of it before or after or of some
/// mixture, or InternalError: no enclosure leaves whose ends contradict each other, and after a factorization the sums
/// of the entries are looked at again.
///
/// Throws Error for non-finite entries, an operator without entries, a hint that does not fit it, or a failure
/// probability that is not in [kLeastFailureProbability, 1).
template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint, const CertifyOptions& options,
                  Context& context);

/// certify() of dense(tensor) for a matrix that was scanned already, which spares that read.
Enclosure certify(ScannedMatrix& a, const SvdResult<double>& hint, const CertifyOptions& options, Context& context);

/// With the default options, on every hardware thread.
template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint);

}  // namespace sigmax
