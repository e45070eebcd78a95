// How a LibTorch module is normalized: PyTorch's options with the same names and defaults, and further ones.
#pragma once

#include <torch/arg.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bindings/torch/normalize.hpp"

namespace sigmax::torch {

/// The options of SpectralNorm, set in the style of LibTorch's options: SpectralNormOptions().dim(1).target(2).
///
/// The weight that the wrapped module uses is W f, with sigma = u^T W v and
///     f = scale target / sigma, or, with at_most, scale min(1, target / sigma); scale is 1 unless it is learned.
struct SpectralNormOptions {
  /// The dimension of the weight that forms the rows of the matrix; negative values count from the end. Default, as in
  /// PyTorch: 1 for transposed convolutions and 0 for everything else.
  TORCH_ARG(std::optional<int64_t>, dim) = std::nullopt;

  /// The steps in each forward in training.
  TORCH_ARG(int64_t, n_power_iterations) = 1;

  /// The least value by which a vector is divided when it is normalized to unit length.
  TORCH_ARG(double, eps) = 1e-12;

  /// The norm of the normalized weight.
  TORCH_ARG(double, target) = 1;

  /// Only shrink: a weight whose norm is below the target stays as it is.
  TORCH_ARG(bool, at_most) = false;

  /// A parameter `scale` that multiplies the normalized weight and starts at 1.
  TORCH_ARG(bool, learnable_scale) = false;

  /// The kind of step: u_first as in PyTorch's parametrization, v_first as in its older hook, or lanczos.
  TORCH_ARG(Iteration, iteration) = Iteration::u_first;

  /// If > 0, n_power_iterations is a maximum: steps stop once sigma's estimated relative error is at most this.
  TORCH_ARG(double, tolerance) = 0;

  /// Names of the weights to normalize; empty: all weights of the module.
  TORCH_ARG(std::vector<std::string>, names) = {};

  /// Normalize each gate of a recurrent weight, and query, key and value of an attention's in_proj_weight, separately
  /// instead of the stacked matrix as a whole.
  TORCH_ARG(bool, by_block) = false;

  /// Not empty: normalize a convolution by its operator norm for inputs of this spatial size, instead of by the norm of
  /// the reshaped kernel. Stride, padding, dilation and groups count; `dim` and `by_block` do not apply. With zero
  /// padding the norm at this size bounds the norm at every smaller size.
  TORCH_ARG(std::vector<int64_t>, input_size) = {};
};

}  // namespace sigmax::torch
