// A stored matrix as a linear operator.
#pragma once

#include "sigmax/core/tensor.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// The matrix of a 2-dimensional tensor of any real storage type, read where it lies: row-major or column-major, with
/// any leading stride; a tensor with other strides is copied once. The values are exactly the stored ones (T = float
/// rounds f64 entries).
///
/// Cost: one read of the matrix for each of A X, A^T Y, A^T A X and A A^T Y with up to 8 columns; two reads for the
/// Gram product on the side that the storage order does not favor, where that is faster.
/// Parameters: the entries in row-major order of the tensor, whatever its strides. pull_back reads and writes the
/// gradient once, whatever the number of terms.
/// Throws Error if the tensor is not 2-dimensional or not of a real type.
template <Real T>
Operator<T> dense(Tensor weight);

/// A stored matrix as an operator that borrows it: the caller keeps its bytes alive. It has no float form (in_single()
/// is null), so svd() computes in T from beginning to end, as proofs need.
template <Real T>
Operator<T> dense(const kernels::StoredMatrix& borrowed);

}  // namespace sigmax
