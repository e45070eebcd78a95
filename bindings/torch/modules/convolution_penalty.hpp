// The operator norm of a LibTorch convolution as a term of a loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bindings/torch/convolution.hpp"
#include "bindings/torch/modules/weights_of.hpp"

namespace sigmax::torch {

/// The convolution that a module is or, as a SpectralNorm of one, derives from.
template <std::size_t D, class Module>
const Module& convolution_in(const ::torch::nn::ConvNdImpl<D, Module>& layer) {
  return static_cast<const Module&>(layer);
}

template <class Layer>
concept HasConvolution = requires(const Layer& layer) {
  convolution_in(layer);
};

/// The norm of the layer as a linear map of images of this size (without batch and channels), or, without a size, the
/// supremum over all sizes; differentiable in its weight, once. bindings/torch/convolution.hpp says how.
///
///     loss = loss + 1e-3 * sigmax::torch::convolution_norm(*conv, {32, 32});
///
/// The weight of a SpectralNorm<Conv2d> counts as its last forward pass used it.
template <HasConvolution Layer>
at::Tensor convolution_norm(const Layer& layer, const std::vector<int64_t>& input_size = {},
                            const ConvolutionNormOptions& options = {}) {
  return convolution_norm(layer.weight, geometry_of(convolution_in(layer), input_size), options);
}

/// max(0, N - target)^2 of that norm N.
template <HasConvolution Layer>
at::Tensor convolution_excess(const Layer& layer, double target, const std::vector<int64_t>& input_size = {},
                              const ConvolutionNormOptions& options = {}) {
  return convolution_excess(layer.weight, geometry_of(convolution_in(layer), input_size), target, options);
}

}  // namespace sigmax::torch
