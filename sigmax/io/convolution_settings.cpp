#include "sigmax/io/convolution_settings.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sigmax::io {
namespace {

// Larger numbers are no setting of an actual layer; the sums and products below stay far from overflow.
constexpr std::int64_t kMost = std::int64_t{1} << 30;

bool in_range(const Dimensions& list, std::int64_t least) {
  return std::all_of(list.begin(), list.end(), [&](std::int64_t value) { return value >= least && value <= kMost; });
}

bool fits(const Dimensions& list, std::size_t axes, std::int64_t least) {
  return list.size() == axes && in_range(list, least);
}

// From the first tap to the last.
std::int64_t reach(std::int64_t taps, std::int64_t dilation) { return dilation * (taps - 1) + 1; }

// All pads of an axis together, negative where a transposed convolution appends zeros to its output; nothing if they
// are not known.
std::optional<std::int64_t> total_padding(const ConvolutionSettings& settings, const StatedPadding& stated,
                                          const Dimensions& taps, std::size_t axis, bool transposed) {
  const std::int64_t span = reach(taps[axis], settings.dilation[axis]), stride = settings.stride[axis];
  if (!transposed && stride == 1) return span - 1;
  if (settings.input_size.empty()) return std::nullopt;
  const std::int64_t n = settings.input_size[axis];
  if (!transposed) return std::max<std::int64_t>((n + stride - 1) / stride * stride - stride + span - n, 0);
  const std::int64_t appended = settings.output_padding.empty() ? 0 : settings.output_padding[axis];
  const std::int64_t wanted = stated.output_size.empty() ? n * stride : stated.output_size[axis];
  return stride * (n - 1) + appended + span - wanted;
}

}  // namespace

Dimensions taps_of(const Dimensions& kernel_shape) {
  if (kernel_shape.size() < 3) return {};
  return Dimensions(kernel_shape.begin() + 2, kernel_shape.end());
}

Dimensions for_each_axis(Dimensions list, std::size_t axes) {
  if (list.size() == 1) return Dimensions(axes, list.front());
  if (list.size() != axes) return {};
  return list;
}

void resolve_padding(ConvolutionSettings& settings, const StatedPadding& stated, const Dimensions& taps,
                     bool transposed) {
  using Kind = StatedPadding::Kind;
  if (stated.kind == Kind::listed && stated.output_size.empty()) return;
  settings.pad_low.clear();
  settings.pad_high.clear();
  if (stated.kind == Kind::valid && stated.output_size.empty()) {
    settings.pad_low.assign(taps.size(), 0);
    settings.pad_high.assign(taps.size(), 0);
    return;
  }
  const std::size_t axes = taps.size();
  const bool known = fits(settings.stride, axes, 1) && fits(settings.dilation, axes, 1) && in_range(taps, 1) &&
                     (settings.output_padding.empty() || fits(settings.output_padding, axes, 0)) &&
                     (settings.input_size.empty() || fits(settings.input_size, axes, 1)) &&
                     (stated.output_size.empty() || fits(stated.output_size, axes, 1));
  if (!known) return;
  Dimensions low, high, appended = settings.output_padding;
  if (transposed) appended.resize(axes, 0);
  for (std::size_t axis = 0; axis < axes; ++axis) {
    auto total = total_padding(settings, stated, taps, axis, transposed);
    if (!total) return;
    if (*total < 0) {
      appended[axis] -= *total;
      total = 0;
    }
    // ONNX gives the odd entry of a transposed convolution to the other side unless it says SAME_UPPER.
    const bool odd_behind = transposed ? stated.kind == Kind::same_upper : stated.kind != Kind::same_lower;
    const std::int64_t half = *total / 2;
    low.push_back(odd_behind ? half : *total - half);
    high.push_back(odd_behind ? *total - half : half);
  }
  settings.pad_low = std::move(low);
  settings.pad_high = std::move(high);
  settings.output_padding = std::move(appended);
}

std::optional<Dimensions> output_size(const ConvolutionSettings& settings, const Dimensions& taps, bool transposed) {
  const std::size_t axes = taps.size();
  const bool known = axes > 0 && in_range(taps, 1) && fits(settings.stride, axes, 1) &&
                     fits(settings.dilation, axes, 1) && fits(settings.pad_low, axes, 0) &&
                     fits(settings.pad_high, axes, 0) && fits(settings.input_size, axes, 1);
  if (!known || (!settings.output_padding.empty() && !fits(settings.output_padding, axes, 0))) return std::nullopt;
  Dimensions size;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const std::int64_t n = settings.input_size[axis], pads = settings.pad_low[axis] + settings.pad_high[axis];
    const std::int64_t span = reach(taps[axis], settings.dilation[axis]), stride = settings.stride[axis];
    const std::int64_t appended = settings.output_padding.empty() ? 0 : settings.output_padding[axis];
    const std::int64_t moves = n + pads - span;
    if (!transposed && moves < 0) return std::nullopt;
    size.push_back(transposed ? (n - 1) * stride - pads + span + appended : moves / stride + 1);
    if (size.back() < 1 || size.back() > kMost) return std::nullopt;
  }
  return size;
}

void keep_common(ConvolutionSettings& settings, const ConvolutionSettings& other) {
  const auto keep = [](Dimensions& mine, const Dimensions& theirs) {
    if (mine != theirs) mine.clear();
  };
  keep(settings.stride, other.stride);
  keep(settings.dilation, other.dilation);
  keep(settings.output_padding, other.output_padding);
  keep(settings.input_size, other.input_size);
  if (settings.pad_low != other.pad_low || settings.pad_high != other.pad_high || settings.padding != other.padding) {
    settings.pad_low.clear();
    settings.pad_high.clear();
  }
  if (settings.padding != other.padding) settings.padding = ConvolutionSettings::Padding::unknown;
}

std::optional<ImagePadding> torch_padding(const Dimensions& pairs, std::string_view mode, std::size_t axes) {
  const auto known = mode == "constant" ? ConvolutionSettings::Padding::zeros : padding_mode(mode);
  const bool is_named = mode != "zeros" && known.has_value();
  if (!is_named || pairs.size() % 2 != 0 || !in_range(pairs, 0)) return std::nullopt;
  ImagePadding padding{Dimensions(axes, 0), Dimensions(axes, 0), *known};
  for (std::size_t pair = 0; 2 * pair < pairs.size(); ++pair) {
    const std::int64_t low = pairs[2 * pair], high = pairs[2 * pair + 1];
    if (pair >= axes) {
      if (low != 0 || high != 0) return std::nullopt;
      continue;
    }
    padding.low[axes - 1 - pair] = low;
    padding.high[axes - 1 - pair] = high;
  }
  return padding;
}

void fold_padding(ConvolutionSettings& settings, const std::optional<ImagePadding>& padding, bool transposed) {
  using Padding = ConvolutionSettings::Padding;
  const auto is_zero = [](const Dimensions& list) {
    return std::all_of(list.begin(), list.end(), [](std::int64_t pad) { return pad == 0; });
  };
  if (padding && is_zero(padding->low) && is_zero(padding->high)) return;
  const std::size_t axes = padding ? padding->low.size() : 0;
  const bool fits_both = padding && padding->high.size() == axes && fits(settings.pad_low, axes, 0) &&
                         fits(settings.pad_high, axes, 0) &&
                         (settings.input_size.empty() || settings.input_size.size() == axes);
  // Zeros around zeros are zeros, and whatever is next to the image is what a convolution without pads reads.
  const bool both_zeros = fits_both && padding->mode == Padding::zeros && settings.padding == Padding::zeros;
  const bool is_alone = fits_both && is_zero(settings.pad_low) && is_zero(settings.pad_high);
  if (transposed || !(both_zeros || is_alone)) {
    const bool zeros = padding && padding->mode == Padding::zeros && settings.padding == Padding::zeros && !transposed;
    settings.padding = zeros ? Padding::zeros : Padding::unknown;
    settings.pad_low.clear();
    settings.pad_high.clear();
    settings.input_size.clear();
    return;
  }
  settings.padding = padding->mode;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    settings.pad_low[axis] += padding->low[axis];
    settings.pad_high[axis] += padding->high[axis];
    if (!settings.input_size.empty()) settings.input_size[axis] -= padding->low[axis] + padding->high[axis];
  }
  if (!in_range(settings.input_size, 1)) settings.input_size.clear();
}

StatedConvolution overlaid(StatedConvolution first, const StatedConvolution& later) {
  const auto take = [](Dimensions& mine, const Dimensions& theirs) {
    if (!theirs.empty()) mine = theirs;
  };
  take(first.settings.stride, later.settings.stride);
  take(first.settings.dilation, later.settings.dilation);
  take(first.settings.output_padding, later.settings.output_padding);
  take(first.settings.input_size, later.settings.input_size);
  if (later.says_padding()) {
    first.padding = later.padding;
    first.settings.pad_low = later.settings.pad_low;
    first.settings.pad_high = later.settings.pad_high;
  }
  if (later.has_mode) {
    first.settings.padding = later.settings.padding;
    first.has_mode = true;
  }
  if (later.groups) first.groups = later.groups;
  if (later.transposed) first.transposed = later.transposed;
  return first;
}

std::optional<ConvolutionSettings::Padding> padding_mode(std::string_view name) {
  using Padding = ConvolutionSettings::Padding;
  if (name == "zeros") return Padding::zeros;
  if (name == "circular") return Padding::circular;
  if (name == "reflect") return Padding::reflect;
  if (name == "replicate") return Padding::replicate;
  return std::nullopt;
}

}  // namespace sigmax::io
