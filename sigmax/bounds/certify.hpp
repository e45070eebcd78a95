// Certificates: an enclosure of sigma_max and how it is known.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// How an upper end may be found.
enum class CertifyMethod {
  automatic,      ///< proven up to CertifyOptions::proven_up_to, beyond that whichever is smaller of what is cheap
  proven,         ///< proven ends alone, by a factorization where the limits allow one
  probabilistic,  ///< no factorization: the solver's own random start, or a cheap proven bound if that is smaller
  cheapest,       ///< proven ends alone, from norms and a few reads of A
};

struct CertifyOptions {
  CertifyMethod method = CertifyMethod::automatic;
  /// (upper - lower) / upper that is enough: the first bound that reaches it ends the work, beginning with those that
  /// cost no read of A. 0: the tightest.
  double relative_width = 0;
  /// A matrix whose shorter side is at most this is proven by a factorization.
  std::int64_t proven_up_to = 4096;
  /// A sum, product or stack of at most this many entries may be formed, 8 bytes each, so that it can be factored.
  std::int64_t formed_up_to = std::int64_t{1} << 27;
  double failure_probability = 1e-9;  ///< of a probabilistic upper end, at least kLeastFailureProbability
  /// What sigma_max() starts from, as SvdOptions::random; empty: drawn. certify() goes by the hint's.
  std::optional<RandomState> random{};
};

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

/// The same with the default options on every hardware thread.
template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint);

}  // namespace sigmax
