// How a module of LibTorch is normalized: PyTorch's options under their names, with their defaults, and what it lacks.
#pragma once

#include <torch/arg.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bindings/torch/normalize.hpp"

namespace sigmax::torch {

/// The options of SpectralNorm, set in the manner of LibTorch's own: SpectralNormOptions().dim(1).target(2).
///
/// The weight that the wrapped module uses is W f, with sigma = u^T W v and
///     f = scale target / sigma, or, with at_most, scale min(1, target / sigma); scale is 1 unless it is learned.
struct SpectralNormOptions {
  /// The dimension of the weight that makes the rows of the matrix; negative from the end. Without one, as PyTorch: 1
  /// for transposed convolutions and 0 for everything else.
  TORCH_ARG(std::optional<int64_t>, dim) = std::nullopt;

  /// Steps in each forward in training.
  TORCH_ARG(int64_t, n_power_iterations) = 1;

  /// No vector is divided by less than this when it is brought to unit length.
  TORCH_ARG(double, eps) = 1e-12;

  /// The norm that the weight is given.
  TORCH_ARG(double, target) = 1;

  /// Only shrink: a weight whose norm is below the target stays as it is.
  TORCH_ARG(bool, at_most) = false;

  /// A parameter `scale` that multiplies the normalized weight and starts at 1.
  TORCH_ARG(bool, learnable_scale) = false;

  /// What a step is: u_first as in PyTorch's parametrization, v_first as in its older hook, or lanczos.
  TORCH_ARG(Iteration, iteration) = Iteration::u_first;

  /// > 0: n_power_iterations are the most, fewer once sigma's estimated relative error is at most this.
  TORCH_ARG(double, tolerance) = 0;

  /// Names of the weights to normalize; all that the module has where empty.
  TORCH_ARG(std::vector<std::string>, names) = {};

  /// Normalize gate by gate in recurrent weights, and query, key and value each in an attention's in_proj_weight,
  /// instead of the stacked matrix as a whole.
  TORCH_ARG(bool, by_block) = false;
};

}  // namespace sigmax::torch
