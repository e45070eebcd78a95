// A convolution as an operator: which one a kernel stands for, and its norm.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/audit/layout.hpp"
#include "sigmax/audit/result.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/convolution_settings.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::audit {

/// A convolution that can be measured.
struct ConvolutionToMeasure {
  Tensor kernel;  ///< of layer.kernel_shape()
  ConvolutionLayer layer;
  std::optional<Dimensions> input_size{};  ///< nothing: every size
  bool knows_padding = false;              ///< false: its amounts count for nothing at every size
  bool knows_output_padding = false;       ///< as above; of a transposed convolution
  /// `stride`, `dilation`, `padding`: not known, and taken to be 1, 1, zeros. If it is only known that something else
  /// than zeros is padded: as much of it as keeps the size of the image. `output_padding`: of a transposed convolution
  /// at one size, not known and taken to be 0.
  std::vector<std::string> assumed{};
};

/// The layout of a kernel of a transposed convolution, by the order of its axes: [in, out, kernel...], [kernel..., out,
/// in].
bool is_of_transposed(const Layout& layout);

/// The convolution of `tensor`, whose axes are `layout`. Stride, dilation and padding that nobody states are assumed;
/// an input size counts only where all three are known, and otherwise the question is that of every size. Nothing
/// if the layout is not that of one convolution with one to three spatial axes (a stack of kernels, an axis that is
/// several at once), or if there is no such convolution.
std::optional<ConvolutionToMeasure> convolution_of(const Tensor& tensor, const Layout& layout, bool transposed,
                                                   const io::StatedConvolution& stated);

/// What is known about the norm, with the convolution that it is of.
OperatorNorm described(const ConvolutionToMeasure& convolution, const ConvolutionNorm& norm);

/// The operator norm. Where the windows do not overlap, it is sigma_max of the reshaped kernel, which is given.
/// Throws Error as convolution_norm() does (bounds/convolution.hpp).
OperatorNorm operator_norm(const ConvolutionToMeasure& convolution, const Figures& reshaped,
                           const ConvolutionNormOptions& options, Context& context);

/// As above, on every hardware thread.
inline OperatorNorm operator_norm(const ConvolutionToMeasure& convolution, const Figures& reshaped,
                                  const ConvolutionNormOptions& options = {}) {
  Context context;
  return operator_norm(convolution, reshaped, options, context);
}

}  // namespace sigmax::audit
