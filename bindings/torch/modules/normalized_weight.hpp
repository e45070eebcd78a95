// One weight of a module, kept as it is trained and read as it is used: W and W / sigma.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bindings/torch/modules/spectral_norm_options.hpp"
#include "bindings/torch/normalize.hpp"

namespace sigmax::torch {

/// A parameter `original` and, in the child `0`, the buffers `_u` and `_v`: below `parametrizations.<name>` of a module
/// these are the names that PyTorch's parametrization has in a state dict.
///
/// Matrix, blocks and state are those of bindings/torch/normalize.hpp.
class NormalizedWeight : public ::torch::nn::Module {
 public:
  /// Takes `original` over (the same tensor, so that an optimizer that holds it goes on) and draws a random state from
  /// its device's default generator, u before v, as PyTorch does.
  ///
  /// Throws c10::IndexError for a dimension out of range, c10::ValueError for options without meaning and for a weight
  /// of less than two dimensions.
  NormalizedWeight(at::Tensor original, const SpectralNormOptions& options, int64_t default_dim, int64_t blocks);

  /// What normalize() is called with: n_power_iterations steps in training, none in evaluation.
  NormalizeOptions step() const;

  /// W f, with a step before it in training, and with its gradient.
  at::Tensor forward();

  /// The same without step and without gradient.
  at::Tensor value() const;

  /// u^T W v with the present state; one entry a block.
  at::Tensor sigma() const;

  /// Moves u and v to the largest singular vectors, found in double: sigma() is then the spectral norm to the rounding
  /// of the weight's type.
  void converge();

  /// A new random state of the size that the weight asks for, and 15 steps from it.
  void restart();

  /// restart() if the state is not of the weight's size, as loading may leave it. Returns whether it was.
  bool fit_state();

  /// An independent copy, on `device` if given.
  std::shared_ptr<NormalizedWeight> copy(const std::optional<at::Device>& device) const;

  std::shared_ptr<::torch::nn::Module> clone(const std::optional<at::Device>& device = std::nullopt) const override;

  const at::Tensor& original() const { return original_; }
  const at::Tensor& u() const { return u_; }
  const at::Tensor& v() const { return v_; }
  const at::Tensor& scale() const { return scale_; }  ///< undefined unless it is learned
  int64_t dim() const { return dim_; }
  int64_t blocks() const { return blocks_; }
  const SpectralNormOptions& options() const { return options_; }

 private:
  void register_all();
  Normalized normalized(const NormalizeOptions& options) const;

  SpectralNormOptions options_;
  int64_t dim_ = 0;
  int64_t blocks_ = 1;
  at::Tensor original_;
  at::Tensor u_;
  at::Tensor v_;
  at::Tensor scale_;
};

/// forward() of each, in one parallel call for those that have the same options and are in the same mode.
std::vector<at::Tensor> forward_all(const std::vector<std::shared_ptr<NormalizedWeight>>& weights);

/// The matrix of a weight: `dim` in front, the rest flattened. A view where the strides allow one.
at::Tensor as_matrix(const at::Tensor& weight, int64_t dim);

}  // namespace sigmax::torch
