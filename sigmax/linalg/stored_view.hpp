// A tensor's matrix in the form that kernels read.
#pragma once

#include "sigmax/core/tensor.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax {

/// A 2-dimensional tensor as a row-major stored matrix: itself, or, with `transposed` set, its transpose.
struct StoredView {
  Tensor tensor;  ///< keeps the bytes alive
  kernels::StoredMatrix matrix;
  bool transposed = false;  ///< `matrix` is the transpose of the tensor's matrix
};

/// The tensor's own bytes if they are row- or column-major with any leading stride; a tensor with other strides is
/// copied once. Throws Error if the tensor is not 2-dimensional or not of a real type.
StoredView stored_view(const Tensor& weight);

/// The transpose of a 2-dimensional tensor, over the same bytes.
Tensor transposed(const Tensor& matrix);

}  // namespace sigmax
