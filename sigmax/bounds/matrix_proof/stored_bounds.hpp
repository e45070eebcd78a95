// Enclosures of sigma_max of a stored matrix. Derivations: docs/proofs.md.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "sigmax/bounds/matrix_proof/gram_proof.hpp"
#include "sigmax/bounds/matrix_proof/measured.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::bounds {

/// Throughout, `a` is a stored matrix and `facts` its scan, without non-finite entries and with facts.scale 1 (see
/// in_range, which brings any other f64 matrix there).

/// At least |A|_F.
double frobenius_upper_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts);

/// At least |A|_1 |A|_inf, which is at least |A|_2^2, also for |A| in place of A (Schur).
double schur_upper_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts);

/// Proven, at no read of A: min(|A|_F, sqrt(|A|_1 |A|_inf)), with the rounding of the sums allowed for.
UpperBound norm_upper_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts);

/// sigma_max >= |A x| / |x|, less the rounding of the product: gamma_n |A|_F. `x` has `columns` entries, or, with
/// `transposed`, `rows` entries and the product is A^T x; `image` receives the product. One read of A.
struct LowerResult {
  LowerBound bound;
  double estimate;
};
LowerResult lower_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts, std::span<const double> x,
                        bool transposed, std::span<double> image, Context& context);

/// Lower end proven, upper end probabilistic (or the proven norm bound if that is smaller or the start was not drawn;
/// or none without a failure probability), by Lanczos on A^T A in double from a random start. Reads A once a step. Of
/// the options tolerance, max_products and random count.
Measured estimate(const kernels::StoredMatrix& a, const kernels::Scan& facts, std::optional<double> failure_probability,
                  const SvdOptions<double>& options, Context& context);

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

/// Throws InternalError if the matrix is no longer what was scanned, by the sums of its entries. One read; none of a
/// copy, which cannot have changed.
void require_unchanged(const InRange& range, Context& context);

}  // namespace sigmax::bounds
