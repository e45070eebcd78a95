#include "sigmax/bounds/convolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/bounds/convolution_at_size.hpp"
#include "sigmax/bounds/convolution_ends.hpp"
#include "sigmax/bounds/convolution_proof/embedding.hpp"
#include "sigmax/bounds/convolution_proof/supremum.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

using bounds::Budget;
using bounds::Range;
using bounds::round_up;
using bounds::Symbols;

void check(const ConvolutionNormOptions& options) {
  if (!(options.relative_width >= 0 && options.relative_width < 1)) {
    throw Error(fmt::format("[convolution_norm] the relative width must be at least 0 and below 1, got {}",
                            options.relative_width));
  }
  if (!(options.most_flops > 0)) {
    throw Error(
        fmt::format("[convolution_norm] the number of operations must be positive, got {}", options.most_flops));
  }
  for (const auto& [what, order] :
       {std::pair{"dense_up_to", options.dense_up_to}, std::pair{"one_axis_up_to", options.one_axis_up_to}}) {
    if (order < 0) {
      throw Error(fmt::format("[convolution_norm] {} must be at least 0, which means never, got {}", what, order));
    }
  }
}

void check_shape(const Tensor& kernel, const ConvolutionLayer& layer) {
  if (kernel.shape() == layer.kernel_shape()) return;
  throw Error(fmt::format("[convolution_norm] the layer ({}) takes a kernel {}, got {}", describe(layer),
                          to_string(layer.kernel_shape()), to_string(kernel.shape())));
}

bool has_stride(const ConvolutionLayer& layer) {
  return std::any_of(layer.axes.begin(), layer.axes.end(), [](const ConvolutionAxis& a) { return a.stride > 1; });
}

}  // namespace

ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionLayer& layer,
                                 const ConvolutionNormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  validate(layer);
  check(options);
  check_shape(kernel, layer);
  ConvolutionNorm result = bounds::zero_norm(ConvolutionQuestion::every_size);
  const Symbols symbols = bounds::symbols_of(kernel, layer, context);
  if (symbols.is_zero) return result;
  const double width = options.relative_width > 0 ? options.relative_width : 1e-6;
  Budget budget{options.most_flops, 0, 0};
  bounds::ConvolutionEnds ends(result, symbols.exponent);
  double copies = 1;
  for (const ConvolutionAxis& axis : layer.axes) copies *= bounds::copies_at_every_size(layer.padding_mode, axis);
  const double factor = copies > 1 ? round_up(std::sqrt(copies)) : 1.0;
  const Range range = bounds::supremum(symbols, width, budget, context);
  ends.lower(range.lower, ConvolutionTheorem::torus_point);
  if (layer.padding_mode == PaddingMode::Circular && has_stride(layer)) {
    // Sizes that the stride does not divide: rows of the convolution with stride 1.
    const Range all =
        bounds::supremum(bounds::symbols_of(kernel, bounds::without_stride(layer), context), width, budget, context);
    ends.upper(all.upper, ConvolutionTheorem::branch_and_bound, factor);
  } else {
    ends.upper(range.upper, ConvolutionTheorem::branch_and_bound, factor);
  }
  ends.finish(budget);
  return result;
}

ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionLayer& layer,
                                 const ConvolutionNormOptions& options) {
  Context context;
  return convolution_norm(kernel, layer, options, context);
}

ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                 const ConvolutionNormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(options);
  check_shape(kernel, geometry.layer());
  return bounds::norm_at_size(kernel, geometry, options, context);
}

ConvolutionNorm convolution_norm(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                 const ConvolutionNormOptions& options) {
  Context context;
  return convolution_norm(kernel, geometry, options, context);
}

}  // namespace sigmax
