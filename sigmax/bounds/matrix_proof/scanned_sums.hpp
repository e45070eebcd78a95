// Enclosures of the norms that one scan of a stored matrix has summed: no further read of the matrix.
#pragma once

#include "sigmax/core/bound.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::bounds {

/// The norms below take the scan `facts` of `a`, whose entries are finite, with the sums of their kind. The relative
/// width is about 2 gamma_n: n = rows + 2 columns + 32 for the Frobenius norm, the number of columns for row sums, and
/// of rows for column sums. A sum beyond the range of double has no upper end. They throw Error for an empty matrix and
/// for entries that are not finite.
Enclosure scanned_frobenius(const kernels::StoredMatrix& a, const kernels::Scan& facts);

/// The largest or the smallest sum of |a_ij| in a row of the stored matrix.
Enclosure scanned_row_sum(const kernels::StoredMatrix& a, const kernels::Scan& facts, bool smallest);

/// In a column.
Enclosure scanned_column_sum(const kernels::StoredMatrix& a, const kernels::Scan& facts, bool smallest);

}  // namespace sigmax::bounds
