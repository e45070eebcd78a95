// |M x|_q / |x|_p from below. Internal to bounds/.
#pragma once

#include <span>

#include "sigmax/bounds/induced_proof/near_matrix.hpp"

namespace sigmax::bounds {

/// At most |M x|_q / |x|_p, which is at most |M|_{p->q}; 0 for x = 0 or an x that is not finite. `x` has `columns`
/// entries, the largest of a magnitude between 2^-100 and 2^100. Two reads.
double quotient_lower_bound(const NearMatrix& m, double p, double q, std::span<const double> x, Context& context);

}  // namespace sigmax::bounds
