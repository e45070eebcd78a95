// Bounds of sigma_max of a stored matrix without a factorization. Derivations: docs/proofs.md. Internal to bounds/.
#pragma once

#include <optional>
#include <span>

#include "sigmax/bounds/measured.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::bounds {

/// Throughout, the entries of `a` are finite.

/// At least |A|_F.
double frobenius_upper_bound(const InRange& a);

/// At least |A|_1 |A|_inf, which is at least |A|_2^2, also for |A| in place of A (Schur).
double schur_upper_bound(const InRange& a);

/// Proven, without a read of A: min(|A|_F, sqrt(|A|_1 |A|_inf)), including the rounding of the sums.
UpperBound norm_upper_bound(const InRange& a);

/// sigma_max >= |A x| / |x|, less the rounding of the product: gamma_n |A|_F. `x` has `columns` entries, or, with
/// `transposed`, `rows` entries and the product is A^T x; `image` receives the product. One read of A.
struct LowerResult {
  LowerBound bound;
  double estimate;
};
LowerResult lower_bound(const InRange& a, std::span<const double> x, bool transposed, std::span<double> image,
                        Context& context);

/// Lower end proven, upper end probabilistic, by Lanczos on A^T A in double from a random start. The upper end is the
/// proven norm bound if that is smaller or the start was not drawn, and missing without a failure probability. Reads A
/// once per step. The options that count are tolerance, max_products and random.
Measured estimate(const InRange& a, std::optional<double> failure_probability, const SvdOptions<double>& options,
                  Context& context);

}  // namespace sigmax::bounds
