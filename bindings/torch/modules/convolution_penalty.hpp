// The operator norm of a LibTorch convolution as a term of a loss.
#pragma once

#include <cstdint>
#include <vector>

#include "bindings/torch/convolution.hpp"
#include "bindings/torch/modules/weights_of.hpp"

namespace sigmax::torch {

/// The norm of the layer as a linear map of images of this size (without batch and channels), or, without a size, the
/// supremum over all sizes; differentiable in its weight, once. bindings/torch/convolution.hpp says how.
///
///     loss = loss + 1e-3 * sigmax::torch::convolution_norm(*conv, {32, 32});
///
/// The weight of a SpectralNorm<Conv2d> counts as its last forward pass used it.
template <IsConvolution Module>
at::Tensor convolution_norm(const Module& layer, const std::vector<int64_t>& input_size = {},
                            const ConvolutionNormOptions& options = {}) {
  return convolution_norm(layer.weight, geometry_of(layer, input_size), options);
}

/// max(0, N - target)^2 of that norm N.
template <IsConvolution Module>
at::Tensor convolution_excess(const Module& layer, double target, const std::vector<int64_t>& input_size = {},
                              const ConvolutionNormOptions& options = {}) {
  return convolution_excess(layer.weight, geometry_of(layer, input_size), target, options);
}

}  // namespace sigmax::torch
