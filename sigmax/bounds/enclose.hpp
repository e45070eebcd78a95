// An enclosure of sigma_max of a stored matrix, from the matrix alone. certify() is for operators and needs a hint.
#pragma once

#include "sigmax/bounds/measured.hpp"
#include "sigmax/bounds/options.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::bounds {

struct Enclosed : Measured {
  double in_units = 0;  ///< the estimate divided by the matrix's in_range().factor, so that no square of it overflows
};

/// lower <= sigma_max(A) <= upper.
///
/// - With a factorization (CertifyOptions::method, proven_up_to and proven_if_cheap): both ends proven. The Gram matrix
///   of `a` is used, and left as it was. Cost: the Gram matrix unless it exists already, a few dozen reads for the
///   vector, and one or two factorizations of k^3 / 3 flops each, k the shorter side.
/// - Without one: a Lanczos process of a few dozen reads gives a proven lower end. The upper end is the probabilistic
///   bound from that process or the proven bound from norms, whichever is smaller. CertifyMethod::proven and ::cheapest
///   take the bound from norms; ::none gives no upper end.
///
/// An upper end beyond the range of double is missing. The matrix must not change during the call: one more read at the
/// end compares its sums. Throws Error for an empty matrix, non-finite entries or a failure probability that is not in
/// [kLeastFailureProbability, 1); InternalError as certify() does. Derivations: docs/proofs.md.
Enclosed enclose(ScannedMatrix& a, const CertifyOptions& options, Context& context);

/// Another computation of sigma_max, such as the first value of the spectrum.
struct Computed {
  double value = 0;           ///< in units of in_range().factor
  double relative_error = 0;  ///< at most
};

/// As above, with the computed value as the estimate. If it refutes a probabilistic upper end, the random start has
/// failed, and the proven end from norms replaces that end. Throws InternalError if the value contradicts a proven end.
Enclosed enclose(ScannedMatrix& a, const Computed& computed, const CertifyOptions& options, Context& context);

/// The larger of two quantities, for a block-diagonal matrix, given its blocks. The kind is that of the weaker one;
/// failure probabilities add.
Measured larger(const Measured& a, const Measured& b);

}  // namespace sigmax::bounds
