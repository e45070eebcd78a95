// Spectral normalization of a convolution by its operator norm, and penalties on that norm:
// torch.ops.sigmax.normalize_convolution, convolution_norm and friends as C++ functions.
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
  std::vector<std::int64_t> input_size;  ///< empty: every size, where a function says that it takes this
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
/// `relative_width` is the width asked for, (upper - lower) / upper: a smaller one takes more work, and may not be
/// reached. 0: 1e-6 with circular padding, and otherwise 0.02. Weights on other devices are copied.
/// Throws c10::ValueError for a width that is negative or not below 1.
Certificate certify_convolution(const at::Tensor& weight, const OperatorGeometry& geometry, double relative_width = 0);

struct ConvolutionNormOptions {
  /// For the norm at every input size: no value of the symbol exceeds the result by more than this, relatively, proven
  /// by branch and bound. 0: a search without a proof, at about half the cost.
  double relative_width = 1e-3;
  /// For the norm at an input size: the relative error that the solver may leave.
  double tolerance = 1e-10;
};

/// The operator norm of a convolution as a function of its kernel, a tensor without dimensions: at the geometry's input
/// size, or, if that is empty, the supremum over all input sizes. The supremum is that of the kernel without borders:
/// padding does not count.
///
/// Differentiable once in the weight; a second derivative throws. The norm is convex in the weight. Where its largest
/// singular value is not simple, the gradient is one of several subgradients, and 0 for W = 0. Computed in double on
/// the CPU, rounded to the weight's type once; float32 for half precisions. The same weight gives the same bits.
/// docs/regularizers.md.
///
/// Throws c10::ValueError for a geometry that does not fit the weight and options out of range, sigmax::Error for NaN
/// and infinite weights.
at::Tensor convolution_norm(const at::Tensor& weight, const OperatorGeometry& geometry,
                            const ConvolutionNormOptions& options = {});

/// max(0, N - target)^2 of that norm N: nothing for a norm up to the target. Differentiable as N is.
at::Tensor convolution_excess(const at::Tensor& weight, const OperatorGeometry& geometry, double target,
                              const ConvolutionNormOptions& options = {});

}  // namespace sigmax::torch
