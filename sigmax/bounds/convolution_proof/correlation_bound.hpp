// A bound of a convolution from its symbol, for the operator proofs. Internal to bounds/.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::bounds {

/// At least |A|_2 of the correlation whose kernel is kernel.matrix: the supremum of the symbol's norm over the torus,
/// with a relative width of about `width`, times the root of the copies that padding makes. If that takes more than
/// about `most_flops`, a wider bound.
double symbol_upper_bound(const InRange& kernel, const Correlation& correlation, double width, double most_flops,
                          Context& context);

}  // namespace sigmax::bounds
