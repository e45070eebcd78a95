// The normalization written in ATen, for devices and layouts that sigmax::nn does not support and, because every line
// is differentiable, for derivatives of derivatives. Internal to the operator library.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "bindings/torch/settings.hpp"

namespace sigmax::torch::composite {

/// The weight as a matrix, its rows divided into blocks: [blocks, rows / blocks, columns].
at::Tensor matrix(const at::Tensor& weight, std::int64_t dim, std::int64_t blocks);

/// The inverse: a matrix in blocks as a tensor of the weight's shape.
at::Tensor tensor(const at::Tensor& matrix, const at::Tensor& weight, std::int64_t dim);

/// One linear map per block, by its products with one vector per block: W x of [blocks, columns], W^H y of
/// [blocks, rows]. Both are differentiable in the weight if it requires a gradient.
struct Products {
  std::function<at::Tensor(const at::Tensor&)> image;
  std::function<at::Tensor(const at::Tensor&)> adjoint;
  at::ScalarType type;  ///< of the vectors
};

/// W / unit. The unit is a power of two near the largest |entry| of W if that is so far from 1 that squares of the
/// products may leave the range of the type, and 1 otherwise. It is a constant of one element.
struct InRange {
  at::Tensor weight;  ///< differentiable in W
  at::Tensor unit;
};
InRange in_range(const at::Tensor& weight);

/// The products of the weight's matrix in blocks; half precisions compute in float32 if `wide`.
Products products(const at::Tensor& weight, std::int64_t dim, std::int64_t blocks, bool wide);

/// Makes the steps of u and v for W, given the products of W / unit, in place. A vector that becomes zero is not
/// stored.
void iterate(const Products& of, const at::Tensor& unit, const at::Tensor& u, const at::Tensor& v, std::int64_t blocks,
             const Settings& settings);

/// sigma = |u^T W v| / (|u| |v|) of each block, differentiable in W; for complex weights u^H W v / (|u| |v|).
at::Tensor sigma(const Products& of, const at::Tensor& u, const at::Tensor& v, std::int64_t blocks);

/// scale target / sigma or scale min(1, target / sigma), or scale if sigma = 0; differentiable in sigma and scale.
at::Tensor factor(const at::Tensor& sigma, const at::Tensor& scale, const Settings& settings);

/// The factor of W / unit that makes the same result of it, from the sigma of W / unit.
at::Tensor factor(const at::Tensor& sigma, const at::Tensor& scale, const at::Tensor& unit, const Settings& settings);

/// The derivative of factor() with respect to sigma; it is differentiable, too.
at::Tensor factor_slope(const at::Tensor& sigma, const at::Tensor& scale, const Settings& settings);

/// W times the factor of its block.
at::Tensor scaled(const at::Tensor& weight, const at::Tensor& factor, std::int64_t dim, std::int64_t blocks);

}  // namespace sigmax::torch::composite
