// One weight of a module: W, as trained, and W / sigma, as used.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bindings/torch/convolution.hpp"
#include "bindings/torch/modules/spectral_norm_options.hpp"
#include "bindings/torch/normalize.hpp"

namespace sigmax::torch {

/// Holds a parameter `original` and, in the child `0`, the buffers `_u` and `_v`. Below `parametrizations.<name>` of a
/// module these names are the ones of PyTorch's parametrization in a state dict.
///
/// For matrix, blocks and state see bindings/torch/normalize.hpp. With a geometry the operator of a convolution takes
/// the place of the matrix, and the child has a third buffer, `_input_size`, so that the state cannot be loaded into a
/// layer that is normalized for another size.
class NormalizedWeight : public ::torch::nn::Module {
 public:
  /// Takes over `original` (the same tensor, so that an optimizer that holds it remains valid) and draws a random state
  /// from its device's default generator, u before v, as PyTorch does.
  ///
  /// Throws c10::IndexError for a dimension out of range, c10::ValueError for meaningless options and for a weight with
  /// fewer than two dimensions.
  NormalizedWeight(at::Tensor original, const SpectralNormOptions& options, int64_t default_dim, int64_t blocks,
                   std::optional<OperatorGeometry> geometry = std::nullopt);

  /// The options for normalize(): n_power_iterations steps in training, none in evaluation.
  NormalizeOptions step() const;

  /// W f, with its gradient; in training a step comes first.
  at::Tensor forward();

  /// W f without a step and without a gradient.
  at::Tensor value() const;

  /// u^T W v with the present state, one entry per block.
  at::Tensor sigma() const;

  /// Moves u and v to the largest singular vectors, found in double: sigma() is then the spectral norm, up to rounding
  /// in the weight's type.
  void converge();

  /// An enclosure of the norm of value(), of the operator if there is a geometry. `relative_width` counts only there;
  /// see certify_convolution().
  Certificate certify(double relative_width = 0) const;

  /// Draws a new random state of the size that the weight requires, and makes 15 steps from it.
  void restart();

  /// Calls restart() if the state does not fit the weight or the input size, which loading may cause. Returns whether
  /// it did.
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
  const std::optional<OperatorGeometry>& geometry() const { return geometry_; }

 private:
  void register_all();
  Normalized normalized(const NormalizeOptions& options) const;
  at::Tensor sigma_after(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                         const NormalizeOptions& options) const;
  StateSize state_size() const;

  SpectralNormOptions options_;
  int64_t dim_ = 0;
  int64_t blocks_ = 1;
  std::optional<OperatorGeometry> geometry_;
  at::Tensor original_;
  at::Tensor u_;
  at::Tensor v_;
  at::Tensor scale_;
  at::Tensor input_size_;  // the buffer; undefined without a geometry
};

/// forward() of each weight; those with the same options and mode share one parallel call.
std::vector<at::Tensor> forward_all(const std::vector<std::shared_ptr<NormalizedWeight>>& weights);

/// The matrix of a weight: `dim` first, the rest flattened. A view if the strides allow one.
at::Tensor as_matrix(const at::Tensor& weight, int64_t dim);

}  // namespace sigmax::torch
