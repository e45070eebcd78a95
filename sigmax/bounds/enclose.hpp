// Enclosures of sigma_max of a stored matrix. Derivations: docs/proofs.md.
#pragma once

#include <memory>
#include <span>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/svd/gram_matrix.hpp"
#include "sigmax/svd/lanczos.hpp"

namespace sigmax::bounds {

/// Throughout, `a` is a stored matrix and `facts` its scan, without non-finite entries and with facts.scale 1 (see
/// in_range, which brings any other f64 matrix there).

/// An enclosure with the point estimate that it was built around.
struct Measured {
  Enclosure sigma_max;
  double estimate;  ///< the Rayleigh quotient |A x| of the best vector, without the allowance for rounding
};

/// Proven, at no read of A: min(|A|_F, sqrt(|A|_1 |A|_inf)), with the rounding of the sums allowed for.
UpperBound norm_upper_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts);

/// sigma_max >= |A x| / |x|, less the rounding of the product: gamma_n |A|_F. `x` has `columns` entries, or, with
/// `transposed`, `rows` entries and the product is A^T x. One read of A.
struct LowerResult {
  LowerBound bound;
  double estimate;
};
LowerResult lower_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts, std::span<const double> x,
                        bool transposed, Context& context);

/// Both ends proven: Lanczos on the Gram matrix finds lambda_max and a vector, the vector gives the lower end, and a
/// Cholesky factorization of tau I - G that completes gives the upper: sigma_max^2 <= tau + all rounding errors.
///
/// `g` must be gram_matrix(a, s) with every |s a_ij| <= 1. Cost: k^3 / 3 flops (k the order of G) a try, one try as a
/// rule, k^2 doubles and one read of A. The relative width is about k^2 u + n u |A|_F^2 / sigma_max^2, u = 2^-53.
Measured prove(const kernels::StoredMatrix& a, const kernels::Scan& facts, const GramMatrix& g, Context& context);

/// The power of two that gram_matrix should be given for this matrix.
double gram_scale(const kernels::Scan& facts);

/// An upper bound on lambda_max of C from the Lanczos process itself, which fails with at most the given probability
/// over its random start, whatever C is.
///
/// For g standard normal, P(|g^T v_1| < c) <= c sqrt(2 / pi). Otherwise the spectral measure of (C, g / |g|) has a mass
/// of at least c^2 / |g|^2 at lambda_max; but the mass that any measure has at x is at most 1 / sum_j p_j(x)^2 (its
/// Christoffel function), and that falls with x beyond the largest Ritz value. So lambda_max is at most the x at which
/// sum_j p_j(x)^2 = |g|^2 / c^2. The p_j come from the recurrence at no further product. Rounding in the recurrence is
/// allowed for to first order, by (terms + steps) 8 u relative, and not proven.
double christoffel_upper_bound(const LanczosRecurrence& recurrence, double theta, double failure_probability,
                               std::int64_t terms);

/// The same as a bound on sigma_max of A, for the recurrence and largest Ritz value `theta` of (scale A)^T (scale A).
/// `terms` is rows + columns of A.
UpperBound probabilistic_upper_bound(const LanczosRecurrence& recurrence, double theta, double scale,
                                     double failure_probability, std::int64_t terms);

/// Lower end proven, upper end probabilistic (or the proven norm bound if that is smaller; or none if
/// `failure_probability` is 0), by Lanczos on A^T A. Reads A once a step.
Measured estimate(const kernels::StoredMatrix& a, const kernels::Scan& facts, double failure_probability,
                  const LanczosOptions& options, Context& context);

/// The same matrix multiplied by a power of two, in range for every function above, and the factor that takes results
/// back; the matrix itself with factor 1 if it is in range already. Entries that fall below 2^-1022 on the way lose at
/// most 2^-1075 each, which the bounds allow for.
struct InRange {
  kernels::StoredMatrix matrix;
  kernels::Scan facts;
  double factor = 1;
  std::shared_ptr<const void> owner;
};
InRange in_range(const kernels::StoredMatrix& a, const kernels::Scan& facts, Context& context);

/// The enclosure of `factor` times the quantity, factor a power of two. An upper end that overflows is dropped.
Measured scaled(const Measured& measured, double factor);

/// The larger of two quantities: what a block-diagonal matrix has, given its blocks. Kind and failure probability are
/// those of the weaker one; failure probabilities add.
Measured larger(const Measured& a, const Measured& b);

}  // namespace sigmax::bounds
