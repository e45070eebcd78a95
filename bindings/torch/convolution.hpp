// Spectral normalization of a convolution by its operator norm: torch.ops.sigmax.normalize_convolution and friends as
// C++ functions.
//
// The operator maps an input of fixed size to the layer's output without bias. Its largest singular value is the most
// that the layer can stretch an input of that size. The norm of the reshaped kernel, which PyTorch's spectral_norm
// uses, can be smaller by a factor of up to sqrt(prod kernel sizes), and larger for strides. docs/convolutions.md has
// the relations.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bindings/torch/normalize.hpp"

namespace sigmax::torch {

/// The geometry of a convolution at one input size, in PyTorch's terms. Each list has one entry per spatial axis.
struct OperatorGeometry {
  std::vector<std::int64_t> input_size;
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> padding_low;   ///< before the first entry of each axis
  std::vector<std::int64_t> padding_high;  ///< after the last entry; differs for padding="same"
  std::vector<std::int64_t> dilation;
  std::vector<std::int64_t> output_padding;  ///< of a transposed convolution
  bool transposed = false;
  std::int64_t groups = 1;
  std::string padding_mode = "zeros";  ///< "zeros", "circular", "reflect", "replicate"; transposed: only "zeros"
};

/// The number of entries of u (an output without batch) and v (an input). Throws c10::ValueError if the geometry does
/// not fit the weight, such as an input that is too small for the kernel.
struct StateSize {
  std::int64_t u = 0;
  std::int64_t v = 0;
};
StateSize state_size(const at::Tensor& weight, const OperatorGeometry& geometry);

/// As normalize(), for the operator: each step is one convolution and one transposed convolution of a single image.
/// u and v are images, flattened. `options.dim` and `options.blocks` are not used. Differentiable any number of times
/// in the weight and the scale; u and v count as constants. Runs on every device that has convolutions. Half precisions
/// compute in float32.
Normalized normalize_convolution(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                                 const OperatorGeometry& geometry, const NormalizeOptions& options,
                                 const std::optional<at::Tensor>& scale = std::nullopt);

/// Only sigma = u^T A v of the operator A, after the steps.
at::Tensor convolution_sigma(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                             const OperatorGeometry& geometry, const NormalizeOptions& options);

/// An enclosure of the operator norm at the geometry's input size, rounding errors included; not differentiable.
/// Weights on other devices are copied.
Certificate certify_convolution(const at::Tensor& weight, const OperatorGeometry& geometry);

}  // namespace sigmax::torch
