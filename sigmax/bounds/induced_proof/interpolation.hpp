// |M|_{p->q} from above by interpolation between norms that are known exactly. Internal to bounds/.
#pragma once

#include <optional>

#include "sigmax/bounds/induced_proof/near_matrix.hpp"
#include "sigmax/bounds/induced_proof/scaling.hpp"

namespace sigmax::bounds {

/// The logarithm of |M|_{p->q} is a convex function of (1/p, 1/q) where p <= q (M. Riesz 1927; for real vectors it is
/// false where p > q). The known points are 1 -> q (columns), p -> infinity (rows) and 2 -> 2 (`sigma`, an upper bound,
/// if there is one). The smallest of the bounds from three chords through (1/p, 1/q): from 2 -> 2, from 1 -> 1 and from
/// infinity -> infinity.
///
/// For p > q, |x|_p <= |x|_q and |y|_q <= m^(1/q - 1/p) |y|_p, and their transposes, lead to p -> p and q -> q.
///
/// Cost: up to five reads, with powers of each entry.
Bounded interpolated_upper_bound(const NearMatrix& m, double p, double q, const std::optional<Bounded>& sigma,
                                 Context& context);

}  // namespace sigmax::bounds
