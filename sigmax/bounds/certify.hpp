// Certificates: an enclosure of sigma_max and how it is known.
#pragma once

#include <optional>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// lower <= sigma_max(A) <= upper, starting from the result of svd(). The ends refer to the exact operator for any T:
/// the stored values, combined without rounding as structure() says.
///
/// - The lower end is |A v| / |v| for the hint's first right singular vector (or a better one), rounding included:
///   proven. A poor vector makes the enclosure wider, never wrong.
/// - The upper end is the first of these that is tight enough: entrywise norms (no read of A beyond the first), Collatz
///   quotients (one read each; tight for matrices that are nonnegative up to signs of rows and columns), a Cholesky
///   factorization (the Gram matrix, rows x columns x k flops, and k^3 / 3, k the shorter side; k^2 doubles), the
///   probabilistic bound (no read). The probabilistic bound needs hint.certificate, so an svd() from a random start;
///   that this start was drawn (RandomState::drawn, the default) after the operator was made; that the hint is of this
///   operator; and sizes whose products stay in range throughout (docs/proofs.md has the exponents). Composites are
///   formed for the factorization if the options allow it, with every rounding error bounded; otherwise their parts are
///   bounded and combined by the algebra of norms. The upper end is missing if it overflows.
/// - For an operator with an opaque part only the products are known. Its lower end holds for the operator as it
///   computes: it includes the rounding of the norms, but cannot include that of the products. Its upper end is
///   probabilistic, or missing.
///
/// The matrix must not change during the call. If it does, the result is the enclosure of the matrix before or after
/// the change or of some mixture, or InternalError: no enclosure is returned whose ends contradict each other, and
/// after a factorization the sums of the entries are checked again.
///
/// Throws Error for non-finite entries, an operator without entries, a hint that does not fit it, or a failure
/// probability that is not in [kLeastFailureProbability, 1).
template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint, const CertifyOptions& options,
                  Context& context);

/// certify() of an operator whose norm follows from smaller ones, without a hint: a diagonal, a selection, their
/// product, a Kronecker product, and multiples and transposes of these. Nothing for other operators, and where the
/// options do not admit a factorization or a factor is too large for one.
template <Real T>
std::optional<Enclosure> certify_factors(const LinearOperator<T>& a, const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
std::optional<Enclosure> certify_factors(const LinearOperator<T>& a, const CertifyOptions& options = {}) {
  Context context;
  return certify_factors(a, options, context);
}

/// certify() with a hint, on every hardware thread.
template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint, const CertifyOptions& options) {
  Context context;
  return certify(a, hint, options, context);
}

/// certify() of dense(tensor) for a matrix that is already scanned, which saves that read.
Enclosure certify(ScannedMatrix& a, const SvdResult<double>& hint, const CertifyOptions& options, Context& context);

/// With the default options, on every hardware thread.
template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint);

}  // namespace sigmax
