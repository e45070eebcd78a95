// The gradient of the normalization of native tensors. Internal to the operator library.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "bindings/torch/settings.hpp"

namespace sigmax::torch {

/// The results of a call for each layer; u and v are copies of the states used, normalized to unit length.
struct Applied {
  std::vector<at::Tensor> out;
  std::vector<at::Tensor> sigma;
  std::vector<at::Tensor> u;
  std::vector<at::Tensor> v;
};

/// Normalizes without a gradient.
Applied normalize_native(at::TensorList weights, at::TensorList scales, at::TensorList u, at::TensorList v,
                         const Settings& settings, bool write);

/// Returns the normalized weights, if `write`, then the sigmas.
std::vector<at::Tensor> normalize_with_gradient(at::TensorList weights, at::TensorList scales,
                                                const std::vector<at::Tensor>& u, const std::vector<at::Tensor>& v,
                                                const Settings& settings, bool write);

}  // namespace sigmax::torch
