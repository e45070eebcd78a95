// The generalized Collatz quotient: |M|_{p->q} <= | |M| |_{p->q} from above. Internal to bounds/.
#pragma once

#include <span>
#include <vector>

#include "sigmax/bounds/induced_proof/near_matrix.hpp"

namespace sigmax::bounds {

struct CollatzStep {
  double upper = 0;          ///< at least | |M| |_{p->q}
  double quotient = 0;       ///< about | |M| x |_q / |x|_p, which no upper bound of | |M| | can be less than
  std::vector<double> next;  ///< a better x, its largest entry near 1
};

/// For p >= q >= 1, q finite, B = |M| and every x > 0,
///
///     |B|_{p->q} <= |c|_r^{1/q},   c = B^T (B x)^{q-1} / x^{q-1},   r = p / (p - q) (p = q: infinity).
///
/// Boyd's iteration, next = (B^T (B x)^{q-1})^{1/(p-1)}, leads to equality wherever it converges to a positive vector.
/// `x` has `columns` entries; those below a floor far under the largest are raised to it. Two reads.
CollatzStep collatz_step(const NearMatrix& m, double p, double q, std::span<const double> x, Context& context);

}  // namespace sigmax::bounds
