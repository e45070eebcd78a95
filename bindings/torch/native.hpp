// The operators, computed by sigmax::nn directly on the memory of CPU tensors. Internal to the operator library.
#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>
#include <vector>

#include "bindings/torch/settings.hpp"

namespace sigmax::torch::native {

/// Computes the steps of u and v in place (for steps = 0 only repairs), sigma, and the normalized weights; `out` is
/// empty if these are not needed.
void normalize(at::TensorList weights, at::TensorList u, at::TensorList v, at::TensorList scales, at::TensorList out,
               at::TensorList sigma, const Settings& settings);

/// Gradients with respect to weights and scales, from the gradients of the normalized weights and of sigma, either of
/// which may be undefined.
std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> backward(at::TensorList grad, at::TensorList grad_sigma,
                                                                      at::TensorList weights, at::TensorList sigma,
                                                                      at::TensorList u, at::TensorList v,
                                                                      at::TensorList scales, const Settings& settings);

/// <x, y> of two tensors of one native type and shape.
double inner_product(const at::Tensor& x, const at::Tensor& y);

/// The factor of a weight, and its derivative with respect to sigma, for a sigma and a scale (or none) in memory;
/// `unscaled` is the factor without the scale.
struct Factors {
  double value = 1;
  double slope = 0;
  double unscaled = 1;
};
Factors factors(const at::Tensor& sigma, const at::Tensor& scale, const Settings& settings);

/// grad += c u v^T, in the memory of a native tensor.
void add_outer(const at::Tensor& grad, double c, const at::Tensor& u, const at::Tensor& v, std::int64_t dim);

}  // namespace sigmax::torch::native
