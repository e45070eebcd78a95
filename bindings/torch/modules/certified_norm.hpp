// The spectral norm of a tensor's matrix: found, and bounded with proof.
#pragma once

#include <ATen/core/Tensor.h>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::torch {

/// sigma and its vectors, u and v in the matrix's type and on its device.
struct SingularVectors {
  double sigma = 0;
  at::Tensor u;
  at::Tensor v;
};

/// The largest singular value of a 2-dimensional tensor, computed in double whatever its type.
/// Throws Error for a tensor that is not a real matrix or not finite.
SingularVectors largest_singular_vectors(const at::Tensor& matrix);

/// lower <= norm <= upper for the matrix that `weight` is with dimension `dim` as its rows: of the values as they are
/// stored, both ends proven where sigmax::certify proves them. Any device; f64, f32, f16 or bf16.
/// Throws as largest_singular_vectors.
Enclosure certified_norm(const at::Tensor& weight, int64_t dim = 0);

/// The tensor as sigmax sees it: the same memory, kept alive, where it is on the CPU; a copy otherwise.
/// Throws Error for types that sigmax has not.
Tensor view_of(const at::Tensor& tensor);

/// And back: a copy. Throws Error for types that torch has not.
at::Tensor copy_of(const Tensor& tensor);

}  // namespace sigmax::torch
