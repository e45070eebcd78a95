// How a module of LibTorch is normalised: PyTorch's options under their names and with their defaults, and what it
// lacks.
#pragma once

#include <torch/arg.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sigmax::torch {

/// Which of PyTorch's two interfaces a training step follows: the vectors that it finds differ, the limit does not.
enum class IterationOrder {
  parametrization,  ///< u = W v / |W v|, then v = W^T u / |W^T u|; 15 iterations when the module is made
  hook,             ///< v first, then u, as the older torch.nn.utils.spectral_norm; a random start
};

/// The options of SpectralNorm, set in the manner of LibTorch's own: SpectralNormOptions().dim(1).target(2).
///
/// The weight that the wrapped module uses is W factor, with sigma = u^T W v and
///     factor = target / sigma, or, with at_most, min(1, target / sigma),
/// times a learned scale that starts at 1, if there is one.
struct SpectralNormOptions {
  /// The dimension of the weight that makes the rows of the matrix; negative from the end. Without one, as PyTorch: 1
  /// for transposed convolutions and 0 for everything else.
  TORCH_ARG(std::optional<int64_t>, dim) = std::nullopt;

  /// Power iterations in each forward in training.
  TORCH_ARG(int64_t, n_power_iterations) = 1;

  /// No vector is divided by less than this when it is brought to unit length.
  TORCH_ARG(double, eps) = 1e-12;

  /// The norm that the weight is given.
  TORCH_ARG(double, target) = 1;

  /// Only shrink: a weight whose norm is below the target stays as it is.
  TORCH_ARG(bool, at_most) = false;

  /// A scalar parameter `_scale` that multiplies the normalised weight.
  TORCH_ARG(bool, learnable_scale) = false;

  TORCH_ARG(IterationOrder, order) = IterationOrder::parametrization;

  /// Names of the weights to normalise; all that the module has where empty.
  TORCH_ARG(std::vector<std::string>, names) = {};

  /// Normalise gate by gate in recurrent weights, and query, key and value each in an attention's in_proj_weight,
  /// instead of the stacked matrix as a whole.
  TORCH_ARG(bool, by_block) = false;
};

}  // namespace sigmax::torch
