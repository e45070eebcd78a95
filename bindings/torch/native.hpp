// The operators on CPU tensors' own memory, by sigmax::nn. Internal to the operator library.
#pragma once

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>
#include <vector>

#include "bindings/torch/settings.hpp"

namespace sigmax::torch::native {

/// Steps of u and v in place (none for steps = 0, but for repairs), sigma, and the normalized weights; `out` is empty
/// where they are not wanted.
void normalize(at::TensorList weights, at::TensorList u, at::TensorList v, at::TensorList scales, at::TensorList out,
               at::TensorList sigma, const Settings& settings);

/// Gradients with respect to weights and scales, from those of the normalized weights and of sigma, either of which may
/// be missing.
std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> backward(
    const c10::List<std::optional<at::Tensor>>& grad, const c10::List<std::optional<at::Tensor>>& grad_sigma,
    at::TensorList weights, at::TensorList sigma, at::TensorList u, at::TensorList v, at::TensorList scales,
    const Settings& settings);

/// grad += c u v^T, on the memory of a native tensor.
void add_outer(const at::Tensor& grad, double c, const at::Tensor& u, const at::Tensor& v, std::int64_t dim);

}  // namespace sigmax::torch::native
