// The kernels of the operator sigmax::_convolution_norm. Internal to the operator library.
#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

#include "bindings/torch/convolution.hpp"

namespace sigmax::torch {

/// The norm and its gradient with respect to the weight, neither of them differentiable.
std::tuple<at::Tensor, at::Tensor> norm_and_gradient(const at::Tensor& weight, const OperatorGeometry& geometry,
                                                     const ConvolutionNormOptions& options);

/// The norm and its gradient, once differentiable in the weight: the kernel for autograd, which calls the operator
/// again. It is written with nodes of the graph, as torch's own are: torch.func refuses torch::autograd::Function.
std::tuple<at::Tensor, at::Tensor> differentiable_norm(const at::Tensor& weight, const OperatorGeometry& geometry,
                                                       const ConvolutionNormOptions& options);

/// Tensors of the types and shapes of these, without values.
std::tuple<at::Tensor, at::Tensor> empty_norm_and_gradient(const at::Tensor& weight);

}  // namespace sigmax::torch
