#include "sigmax/audit/convolution.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::audit {
namespace {

using Padding = io::ConvolutionSettings::Padding;

constexpr std::int64_t kMost = std::int64_t{1} << 30;

PaddingMode mode_of(Padding padding) {
  switch (padding) {
    case Padding::zeros: return PaddingMode::Zeros;
    case Padding::circular: return PaddingMode::Circular;
    case Padding::reflect: return PaddingMode::Reflect;
    case Padding::replicate: return PaddingMode::Replicate;
    case Padding::unknown: break;
  }
  return PaddingMode::Zeros;
}

std::size_t position_of(const std::vector<Axis>& axes, Axis axis) {
  return static_cast<std::size_t>(std::find(axes.begin(), axes.end(), axis) - axes.begin());
}

// The kernel with its two channel axes in front, in PyTorch's order; nothing if the layout is not that of one kernel.
std::optional<Tensor> kernel_of(const Tensor& stored, const Layout& layout, bool transposed) {
  const Tensor tensor = as_laid_out(stored, layout);
  const auto count = [&](Axis axis) { return std::count(layout.axes.begin(), layout.axes.end(), axis); };
  if (count(Axis::out) != 1 || count(Axis::in) != 1 || count(Axis::kernel) < 1 || count(Axis::kernel) > 3) {
    return std::nullopt;
  }
  const std::size_t out = position_of(layout.axes, Axis::out), in = position_of(layout.axes, Axis::in);
  const bool split_in = layout.groups > 1 && layout.split == in;
  if (layout.groups > 1 && layout.split == out && transposed) return std::nullopt;
  // The kernels of a depthwise convolution [kernel..., in, multiplier] lie one after another.
  const bool multiplies = split_in && !transposed;
  if (multiplies && layout.groups != tensor.shape()[in]) return std::nullopt;
  std::vector<std::size_t> order = transposed || multiplies ? std::vector{in, out} : std::vector{out, in};
  for (std::size_t d = 0; d < layout.axes.size(); ++d) {
    if (layout.axes[d] == Axis::kernel) order.push_back(d);
    const bool is_other = layout.axes[d] == Axis::stack || layout.axes[d] == Axis::entries;
    if (is_other && tensor.shape()[d] != 1) return std::nullopt;
  }
  Dimensions extents, strides;
  for (const std::size_t d : order) {
    extents.push_back(tensor.shape()[d]);
    strides.push_back(tensor.strides()[d]);
  }
  Dimensions joined = extents;
  joined[0] = extents[0] * extents[1];
  joined[1] = 1;
  const Tensor permuted(tensor.dtype(), std::move(extents), std::move(strides), tensor.data(), tensor.owner());
  return multiplies ? permuted.reshaped(std::move(joined)) : permuted;
}

bool is_usable(const Dimensions& list, std::size_t axes, std::int64_t least) {
  return list.size() == axes &&
         std::all_of(list.begin(), list.end(), [&](std::int64_t value) { return value >= least && value <= kMost; });
}

// Each list for every axis, or empty where it is not known or out of range.
io::ConvolutionSettings for_all_axes(const io::StatedConvolution& stated, const Dimensions& taps, bool transposed) {
  io::ConvolutionSettings settings = stated.settings;
  const std::size_t axes = taps.size();
  const auto spread = [&](Dimensions& list, std::int64_t least) {
    list = io::for_each_axis(std::move(list), axes);
    if (!is_usable(list, axes, least)) list.clear();
  };
  spread(settings.stride, 1);
  spread(settings.dilation, 1);
  spread(settings.pad_low, 0);
  spread(settings.pad_high, 0);
  spread(settings.output_padding, 0);
  spread(settings.input_size, 1);
  io::resolve_padding(settings, {stated.padding, {}}, taps, transposed);
  if (settings.pad_low.empty() || settings.pad_high.empty()) {
    settings.pad_low.clear();
    settings.pad_high.clear();
  }
  return settings;
}

// Amounts of padding that keep the size of the image, the usual ones where something other than zeros is padded.
void assume_same_size(io::ConvolutionSettings& settings, const Dimensions& taps) {
  for (std::size_t axis = 0; axis < taps.size(); ++axis) {
    const std::int64_t around = (settings.dilation.empty() ? 1 : settings.dilation[axis]) * (taps[axis] - 1);
    settings.pad_low.push_back(around / 2);
    settings.pad_high.push_back(around - around / 2);
  }
}

ConvolutionLayer layer_of(const Dimensions& kernel, std::int64_t groups, bool transposed,
                          const io::ConvolutionSettings& settings) {
  ConvolutionLayer layer;
  layer.groups = groups;
  layer.transposed = transposed;
  layer.padding_mode = mode_of(settings.padding);
  layer.out_channels = transposed ? kernel[1] * groups : kernel[0];
  layer.in_channels = transposed ? kernel[0] : kernel[1] * groups;
  const auto entry = [](const Dimensions& list, std::size_t axis, std::int64_t otherwise) {
    return list.empty() ? otherwise : list[axis];
  };
  for (std::size_t axis = 0; axis + 2 < kernel.size(); ++axis) {
    layer.axes.push_back({kernel[axis + 2], entry(settings.stride, axis, 1), entry(settings.dilation, axis, 1),
                          entry(settings.pad_low, axis, 0), entry(settings.pad_high, axis, 0),
                          transposed ? entry(settings.output_padding, axis, 0) : 0});
  }
  return layer;
}

bool makes_sense(const ConvolutionLayer& layer, const std::optional<Dimensions>& input_size) {
  try {
    validate(layer);
    if (input_size) const ConvolutionGeometry geometry(layer, *input_size);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Images of which a block of vectors would take too much memory and time: nearly the norm at every size.
bool is_too_large(const ConvolutionToMeasure& convolution) {
  constexpr std::int64_t kMostEntries = std::int64_t{1} << 22;
  const ConvolutionGeometry geometry(convolution.layer, *convolution.input_size);
  return std::max(geometry.rows(), geometry.columns()) > kMostEntries;
}

// Windows that do not overlap: with the image cut into them the operator is block diagonal, one reshaped kernel for
// each, and windows that lie partly in zero padding are sub-matrices of it. Its norm is that of the reshaped kernel if
// one window lies inside.
bool is_reshaped_kernel(const ConvolutionToMeasure& convolution) {
  const ConvolutionLayer& layer = convolution.layer;
  if (layer.padding_mode != PaddingMode::Zeros) return false;
  const auto disjoint = [](const ConvolutionAxis& axis) { return axis.stride >= axis.reach(); };
  if (!std::all_of(layer.axes.begin(), layer.axes.end(), disjoint)) return false;
  if (!convolution.input_size) return true;
  const ConvolutionGeometry geometry(layer, *convolution.input_size);
  const auto& axes = geometry.correlation().axes;
  return std::all_of(axes.begin(), axes.end(), [](const CorrelationAxis& axis) {
    const std::int64_t first = (axis.pad_low + axis.stride - 1) / axis.stride;
    return first < axis.output && first * axis.stride - axis.pad_low + axis.reach() <= axis.input;
  });
}

// How many windows an entry of the image lies in, at most: those that differ by multiples of s taps on an axis, s the
// stride without what it has in common with the dilation.
std::int64_t most_windows(const ConvolutionLayer& layer) {
  std::int64_t windows = 1;
  for (const ConvolutionAxis& axis : layer.axes) {
    const std::int64_t step = axis.stride / std::gcd(axis.stride, axis.dilation);
    windows *= (axis.kernel + step - 1) / step;
  }
  return windows;
}

// |A x|^2 = sum over windows of |W x_window|^2 <= sigma^2 sum |x_window|^2 <= sigma^2 windows |x|^2, W the reshaped
// kernel: what counts where the work for a better end has run out.
Enclosure with_end_of_windows(const Enclosure& norm, const ConvolutionLayer& layer, const Enclosure& sigma_max) {
  constexpr std::int64_t kMostWindows = std::int64_t{1} << 16;
  const std::int64_t windows = most_windows(layer);
  if (layer.padding_mode != PaddingMode::Zeros || windows > kMostWindows || !sigma_max.is_proven()) return norm;
  const Enclosure above = bounds::p_norm(std::vector<Enclosure>(static_cast<std::size_t>(windows), sigma_max), 2);
  const bool closer = above.upper && (!norm.upper || above.upper->value() < norm.upper->value());
  return closer ? bounds::between(norm, above) : norm;
}

OperatorNorm description(const ConvolutionToMeasure& convolution, const Enclosure& norm, double estimate,
                         std::string_view question) {
  OperatorNorm result{.norm = norm};
  result.estimate = estimate;
  result.question = question;
  result.padding_mode = name(convolution.layer.padding_mode);
  result.groups = convolution.layer.groups;
  result.transposed = convolution.layer.transposed;
  result.input_size = convolution.input_size.value_or(Dimensions());
  result.assumed = convolution.assumed;
  for (const ConvolutionAxis& axis : convolution.layer.axes) {
    result.stride.push_back(axis.stride);
    result.dilation.push_back(axis.dilation);
    if (convolution.knows_output_padding) result.output_padding.push_back(axis.output_padding);
    if (!convolution.knows_padding) continue;
    result.pad_low.push_back(axis.pad_low);
    result.pad_high.push_back(axis.pad_high);
  }
  return result;
}

}  // namespace

bool is_of_transposed(const Layout& layout) {
  const std::size_t out = position_of(layout.axes, Axis::out), in = position_of(layout.axes, Axis::in);
  const bool channels_last = position_of(layout.axes, Axis::kernel) < std::min(out, in);
  // [kernel..., in, multiplier] of a depthwise convolution has the order of a layer that is not transposed.
  return channels_last ? out < in : in < out;
}

std::optional<ConvolutionToMeasure> convolution_of(const Tensor& tensor, const Layout& layout, bool transposed,
                                                   const io::StatedConvolution& stated) {
  auto kernel = kernel_of(tensor, layout, transposed);
  if (!kernel) return std::nullopt;
  const Dimensions taps = io::taps_of(kernel->shape());
  io::ConvolutionSettings settings = for_all_axes(stated, taps, transposed);
  // At every size it does not matter how many zeros are padded. It does matter how much of anything else is.
  const bool states_padding = !settings.pad_low.empty();
  const bool pads_image = settings.padding != Padding::zeros && settings.padding != Padding::unknown;
  if (!states_padding && pads_image) assume_same_size(settings, taps);
  ConvolutionToMeasure result{*kernel, layer_of(kernel->shape(), layout.groups, transposed, settings)};
  result.knows_padding = !settings.pad_low.empty();
  if (settings.stride.empty()) result.assumed.emplace_back("stride");
  if (settings.dilation.empty()) result.assumed.emplace_back("dilation");
  const bool knows_zeros = settings.padding == Padding::zeros && stated.has_mode;
  if (!states_padding && !knows_zeros) result.assumed.emplace_back("padding");
  if (states_padding && result.assumed.empty() && !settings.input_size.empty()) {
    result.input_size = settings.input_size;
    if (!makes_sense(result.layer, result.input_size) || is_too_large(result)) result.input_size.reset();
  }
  result.knows_output_padding = transposed && (!settings.output_padding.empty() || result.input_size);
  if (transposed && result.input_size && settings.output_padding.empty()) result.assumed.emplace_back("output_padding");
  if (!makes_sense(result.layer, std::nullopt)) return std::nullopt;
  return result;
}

OperatorNorm described(const ConvolutionToMeasure& convolution, const ConvolutionNorm& norm) {
  return description(convolution, norm.sigma_max, norm.estimate, name(norm.question));
}

OperatorNorm operator_norm(const ConvolutionToMeasure& convolution, const Figures& reshaped,
                           const ConvolutionNormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (is_reshaped_kernel(convolution)) {
    const auto question = convolution.input_size ? ConvolutionQuestion::input_size : ConvolutionQuestion::every_size;
    return description(convolution, reshaped.sigma_max, reshaped.sigma_max_estimate, name(question));
  }
  const ConvolutionNorm found =
      convolution.input_size
          ? convolution_norm(convolution.kernel, ConvolutionGeometry(convolution.layer, *convolution.input_size),
                             options, context)
          : convolution_norm(convolution.kernel, convolution.layer, options, context);
  return description(convolution, with_end_of_windows(found.sigma_max, convolution.layer, reshaped.sigma_max),
                     found.estimate, name(found.question));
}

}  // namespace sigmax::audit
