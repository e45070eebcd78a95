// Norms of matrices that lie in a box. Internal to lipschitz/.
#pragma once

#include <cstdint>

#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {

/// Bounds of |M|_1, |M|_inf and |M|_2 for the matrices of a batch.
struct MatrixSums {
  Limit columns = limit(0);
  Limit rows = limit(0);
  Limit spectral = limit(0);
};

/// M in a box: the sums of the greatest magnitudes, and |M|_2 <= sqrt(|M|_1 |M|_inf). `row_sum`: a bound of |M|_inf
/// that is known otherwise.
MatrixSums sums_of_box(const graph::Box& x, std::int64_t batch, std::int64_t rows, std::int64_t columns,
                       const Limit& row_sum);

}  // namespace sigmax::lipschitz
