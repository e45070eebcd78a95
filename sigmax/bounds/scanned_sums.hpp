// Enclosures of the norms that one scan of a stored matrix has summed: no further read of the matrix.
#pragma once

#include "sigmax/core/bound.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::bounds {

/// `facts` is the scan of `a`, whose entries are finite. The relative width is about 2 gamma_n: n = rows + 2 columns +
/// 32 for the Frobenius norm, the number of columns for row sums, and of rows for column sums. A sum beyond the range
/// of double has no upper end.
struct ScannedSums {
  Enclosure frobenius;
  Enclosure largest_row_sum;
  Enclosure smallest_row_sum;
  Enclosure largest_column_sum;
  Enclosure smallest_column_sum;
};

/// Throws Error for an empty matrix, and for entries that are not finite.
ScannedSums scanned_sums(const kernels::StoredMatrix& a, const kernels::Scan& facts);

}  // namespace sigmax::bounds
