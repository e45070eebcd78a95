// One weight of a module, kept as it is trained and read as it is used: W and W / sigma.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "bindings/torch/modules/spectral_norm_options.hpp"

namespace sigmax::torch {

/// A parameter `original` and, in the child `0`, the buffers `_u` and `_v`: below `parametrizations.<name>` of a module
/// these are the names that PyTorch's parametrization has in a state dict.
///
/// The matrix of a weight is its dimension `dim` against all others flattened. With b > 1 blocks its rows are cut into
/// b equal parts, each with its own norm, and the state is [b, rows / b] and [b, columns] instead of two vectors.
class NormalizedWeight : public ::torch::nn::Module {
 public:
  /// Takes `original` over (the same tensor, so that an optimizer that holds it goes on) and draws a random state from
  /// its device's default generator, u before v, as PyTorch does.
  ///
  /// Throws c10::IndexError for a dimension out of range, c10::ValueError for options without meaning.
  NormalizedWeight(at::Tensor original, const SpectralNormOptions& options, int64_t default_dim, int64_t blocks);

  /// W factor (SpectralNormOptions). In training u and v are first moved on by n_power_iterations in place, without
  /// gradient; the gradient of sigma with respect to W is u v^T. A zero weight stays zero.
  at::Tensor forward();

  /// The same without moving u and v on, and without gradient.
  at::Tensor value() const;

  /// u^T W v with the present state, one number a block.
  at::Tensor sigma() const;

  /// Moves u and v to the largest singular vectors, found in double: sigma() is then the spectral norm to the rounding
  /// of the weight's type. Does nothing to a weight that is zero. Throws Error for entries that are not finite.
  void converge();

  /// A new random state of the size that the weight asks for and, in the order of the parametrization, 15 iterations.
  void restart();

  /// For a state that comes from elsewhere: one of the wrong size, zero or not finite is replaced by restart(), one
  /// that is not of unit length (an average of states, say) is brought to it. Returns whether anything was to be done.
  bool repair();

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
  at::Tensor matrices() const;  // [blocks, rows, columns]
  void iterate(int64_t times);
  at::Tensor normalized(const at::Tensor& u, const at::Tensor& v) const;

  SpectralNormOptions options_;
  int64_t dim_ = 0;
  int64_t blocks_ = 1;
  at::Tensor original_;
  at::Tensor u_;
  at::Tensor v_;
  at::Tensor scale_;
};

/// The matrix of a weight: `dim` in front, the rest flattened. A view where the strides allow one.
at::Tensor as_matrix(const at::Tensor& weight, int64_t dim);

}  // namespace sigmax::torch
