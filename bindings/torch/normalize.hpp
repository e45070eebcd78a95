// Spectral normalization of torch tensors: the operators torch.ops.sigmax.* as C++ functions.
//
// A weight is treated as the matrix whose rows are indexed by one of its dimensions, the others flattened in order. Its
// state (u, v) follows the leading singular vectors: u has one entry per row, v one per column. With `blocks` b > 1 the
// rows are divided into b blocks of equal size, each with its own sigma; u holds the parts of the blocks one after
// another, and v holds b vectors one after another.
//
// Every function is differentiable with respect to the weight, the scale and, where there is one, the input, any number
// of times; u and v count as constants, as in PyTorch. Dense row-major CPU tensors of float64, float32, float16 and
// bfloat16 are processed in place by sigmax::nn; everything else (other devices, complex numbers, channels last) runs
// the same steps through ATen. u and v are updated in place, and the gradient uses copies of them: a second forward
// pass before the first one's backward pass is not an error. Autocast does not affect the normalization: a float32
// weight is normalized in float32.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sigmax::torch {

/// The kind of step; sigmax/nn/normalize.hpp has the formulas.
enum class Iteration : std::int64_t {
  u_first = 0,  ///< torch.nn.utils.parametrizations.spectral_norm
  v_first = 1,  ///< torch.nn.utils.spectral_norm
  lanczos = 2,  ///< with the same reads of W, closer to the singular vectors from the second step on
};

struct NormalizeOptions {
  std::int64_t dim = 0;     ///< of the rows; negative counts from the end
  std::int64_t blocks = 1;  ///< of rows
  std::int64_t steps = 1;   ///< 0: evaluation, u and v are used unchanged and not written
  double eps = 1e-12;       ///< a vector is divided by max(length, eps)
  Iteration iteration = Iteration::u_first;
  double tolerance = 0;  ///< > 0: `steps` is a maximum; stop once sigma's estimated relative error is at most this
  double target = 1;     ///< the norm of the normalized weight is this times the scale
  bool at_most = false;  ///< multiply by min(1, target / sigma) instead of target / sigma
};

struct Normalized {
  at::Tensor weight;  ///< scale target / sigma W
  at::Tensor sigma;   ///< u^T W v, W before normalization; 0-dimensional, or one entry per block
};

/// Costs one read of W per step, and one read and one write for the weight. W = 0 gives 0. A state that is zero, not of
/// unit length or of the wrong sign is repaired. `scale` is a tensor of one element. Throws c10::Error for sizes that
/// do not fit and options out of range.
Normalized normalize(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                     const NormalizeOptions& options, const std::optional<at::Tensor>& scale = std::nullopt);

/// normalize() for the layers of a model in one parallel call. `dims` and `blocks` of each weight replace those in the
/// options; `scales` is empty or has one entry per weight.
std::vector<Normalized> normalize_all(at::TensorList weights, at::TensorList u, at::TensorList v, at::TensorList scales,
                                      at::IntArrayRef dims, at::IntArrayRef blocks, const NormalizeOptions& options);

/// Only sigma: the normalized weight is not written.
at::Tensor spectral_sigma(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                          const NormalizeOptions& options);

/// y = f (x W^T) + bias with f = scale target / sigma: the output is scaled, and the normalized weight is never
/// written. Supports one block.
at::Tensor scaled_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         const at::Tensor& u, const at::Tensor& v, const NormalizeOptions& options,
                         const std::optional<at::Tensor>& scale = std::nullopt);

/// Options for the scaled convolution of one, two or three dimensions, plain or transposed.
struct ConvolutionOptions {
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> padding;
  std::vector<std::int64_t> dilation;
  std::vector<std::int64_t> output_padding;
  bool transposed = false;
  std::int64_t groups = 1;
};
at::Tensor scaled_convolution(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                              const at::Tensor& u, const at::Tensor& v, const ConvolutionOptions& convolution,
                              const NormalizeOptions& options, const std::optional<at::Tensor>& scale = std::nullopt);

/// lower <= sigma_max <= upper for the matrix of a weight as stored.
struct Certificate {
  double lower = 0;
  double upper = 0;       ///< infinity if none was found
  std::string certainty;  ///< of the upper end: "proven", "probabilistic", "none"
};

/// The bounds include rounding errors; not differentiable. Weights on other devices are copied; complex ones are
/// refused.
Certificate certify(const at::Tensor& weight, std::int64_t dim = 0);

}  // namespace sigmax::torch
