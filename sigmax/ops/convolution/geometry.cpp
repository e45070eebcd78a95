#include "sigmax/ops/convolution/geometry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 62;

/// Throws Error beyond 2^62.
std::int64_t product(std::string_view what, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (!__builtin_mul_overflow(a, b, &result) && result <= kLargest) return result;
  throw Error(fmt::format("[convolution] {} exceed 2^62: {} times {}", what, a, b));
}

std::int64_t sum(std::string_view what, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (!__builtin_add_overflow(a, b, &result) && result <= kLargest) return result;
  throw Error(fmt::format("[convolution] {} exceed 2^62: {} plus {}", what, a, b));
}

void require_at_least(std::string_view what, std::int64_t least, std::int64_t value) {
  if (value >= least && value <= kLargest) return;
  throw Error(fmt::format("[convolution] {} must be {}, got {}", what,
                          value > kLargest ? "at most 2^62"
                          : least == 1     ? "positive"
                                           : "at least 0",
                          value));
}

void require_axes(std::size_t count) {
  if (count >= 1 && count <= 3) return;
  throw Error(fmt::format("[convolution] a convolution has 1 to 3 spatial axes, got {}", count));
}

void validate(const ConvolutionAxis& axis, bool transposed, std::size_t number) {
  const auto what = [&](std::string_view noun) { return fmt::format("{} of axis {}", noun, number); };
  require_at_least(what("kernel size"), 1, axis.kernel);
  require_at_least(what("stride"), 1, axis.stride);
  require_at_least(what("dilation"), 1, axis.dilation);
  require_at_least(what("low padding"), 0, axis.pad_low);
  require_at_least(what("high padding"), 0, axis.pad_high);
  require_at_least(what("output padding"), 0, axis.output_padding);
  sum("kernel sizes times dilations", product("kernel sizes times dilations", axis.dilation, axis.kernel - 1), 1);
  sum("pads", axis.pad_low, axis.pad_high);
  if (!transposed && axis.output_padding != 0) {
    throw Error(fmt::format("[convolution] output padding {} on axis {}: only a transposed convolution has it",
                            axis.output_padding, number));
  }
}

/// The size of the output, not yet checked to be positive.
std::int64_t output_of(const ConvolutionAxis& axis, bool transposed, std::int64_t n) {
  constexpr std::string_view kWhat = "sizes with padding";
  const std::int64_t pads = axis.pad_low + axis.pad_high;
  if (transposed) {
    const std::int64_t full = sum(kWhat, product(kWhat, n - 1, axis.stride), axis.reach());
    return sum(kWhat, full, axis.output_padding) - pads;
  }
  const std::int64_t free = sum(kWhat, n, pads) - axis.reach();
  return free < 0 ? 0 : free / axis.stride + 1;
}

void require_output(const ConvolutionAxis& axis, bool transposed, std::int64_t n, std::int64_t output,
                    std::size_t number) {
  if (output >= 1) return;
  if (transposed) {
    throw Error(fmt::format("[convolution] the pads of axis {} cut off all of the output: {} and {} at input size {}",
                            number, axis.pad_low, axis.pad_high, n));
  }
  throw Error(fmt::format(
      "[convolution] the kernel spans {} entries of axis {}, more than the {} of the input with its padding: "
      "the output is empty",
      axis.reach(), number, n + axis.pad_low + axis.pad_high));
}

/// Throws Error where an axis cannot be reflected into the pads that are read.
void require_reflection(const CorrelationAxis& axis, std::size_t number) {
  const std::int64_t most = std::max(axis.pad_low, axis.pad_high());
  if (most < axis.input) return;
  throw Error(
      fmt::format("[convolution] reflected padding of {} on axis {} needs an input of at least {} entries, got {}",
                  most, number, most + 1, axis.input));
}

void require_sides(const Correlation& c) {
  std::int64_t in = c.in_channels;
  std::int64_t out = c.out_channels;
  std::int64_t window = c.in_channels;
  for (const CorrelationAxis& axis : c.axes) {
    in = product("entries of an image", in, axis.input);
    out = product("entries of an image", out, axis.output);
    const std::int64_t all = std::max(axis.window(), sum("sizes with padding", axis.pad_low, axis.input));
    window = product("entries of a padded image", window, all);
  }
}

}  // namespace

std::string_view name(PaddingMode mode) noexcept {
  switch (mode) {
    case PaddingMode::Zeros: return "zeros";
    case PaddingMode::Circular: return "circular";
    case PaddingMode::Reflect: return "reflect";
    case PaddingMode::Replicate: return "replicate";
  }
  return "";
}

std::int64_t padded_entry(PaddingMode mode, std::int64_t n, std::int64_t j) noexcept {
  if (j >= 0 && j < n) return j;
  switch (mode) {
    case PaddingMode::Zeros: return kPaddedZero;
    case PaddingMode::Circular: return (j % n + n) % n;
    case PaddingMode::Reflect: return j < 0 ? -j : 2 * (n - 1) - j;
    case PaddingMode::Replicate: return j < 0 ? 0 : n - 1;
  }
  return kPaddedZero;
}

Dimensions ConvolutionLayer::kernel_shape() const {
  Dimensions shape =
      transposed ? Dimensions{in_channels, out_channels / groups} : Dimensions{out_channels, in_channels / groups};
  for (const ConvolutionAxis& axis : axes) shape.push_back(axis.kernel);
  return shape;
}

void validate(const ConvolutionLayer& layer) {
  const FloatingEnvironment environment;
  require_axes(layer.axes.size());
  require_at_least("the number of input channels", 1, layer.in_channels);
  require_at_least("the number of output channels", 1, layer.out_channels);
  require_at_least("the number of groups", 1, layer.groups);
  if (layer.in_channels % layer.groups != 0 || layer.out_channels % layer.groups != 0) {
    throw Error(fmt::format("[convolution] {} groups must divide the {} input and {} output channels", layer.groups,
                            layer.in_channels, layer.out_channels));
  }
  if (layer.transposed && layer.padding_mode != PaddingMode::Zeros) {
    throw Error(
        fmt::format("[convolution] a transposed convolution cuts its output off, so that its padding mode is "
                    "zeros, got {}",
                    name(layer.padding_mode)));
  }
  std::int64_t weights = product("kernel entries", layer.out_channels, layer.in_channels / layer.groups);
  for (std::size_t i = 0; i < layer.axes.size(); ++i) {
    validate(layer.axes[i], layer.transposed, i);
    weights = product("kernel entries", weights, layer.axes[i].kernel);
  }
}

std::int64_t CorrelationAxis::pad_high() const noexcept {
  return std::max<std::int64_t>(0, window() - pad_low - input);
}

std::int64_t Correlation::taps() const noexcept {
  std::int64_t count = 1;
  for (const CorrelationAxis& axis : axes) count *= axis.kernel;
  return count;
}

std::int64_t Correlation::input_positions() const noexcept {
  std::int64_t count = 1;
  for (const CorrelationAxis& axis : axes) count *= axis.input;
  return count;
}

std::int64_t Correlation::output_positions() const noexcept {
  std::int64_t count = 1;
  for (const CorrelationAxis& axis : axes) count *= axis.output;
  return count;
}

std::int64_t Correlation::copies() const {
  if (padding_mode == PaddingMode::Zeros) return 1;
  std::int64_t product = 1;
  for (const CorrelationAxis& axis : axes) {
    std::vector<std::int64_t> times(static_cast<std::size_t>(axis.input), 0);
    for (std::int64_t u = 0; u < axis.window(); ++u) {
      ++times[static_cast<std::size_t>(padded_entry(padding_mode, axis.input, u - axis.pad_low))];
    }
    product *= *std::max_element(times.begin(), times.end());
  }
  return product;
}

std::int64_t input_of(const Correlation& correlation, std::int64_t a, std::int64_t p) noexcept {
  std::int64_t position = 0;
  std::int64_t step = 1;
  for (std::size_t i = correlation.axes.size(); i-- > 0;) {
    const CorrelationAxis& axis = correlation.axes[i];
    const std::int64_t u = axis.stride * (a % axis.output) + axis.dilation * (p % axis.kernel);
    const std::int64_t j = padded_entry(correlation.padding_mode, axis.input, u - axis.pad_low);
    if (j == kPaddedZero) return kPaddedZero;
    position += j * step;
    step *= axis.input;
    a /= axis.output;
    p /= axis.kernel;
  }
  return position;
}

ConvolutionGeometry::ConvolutionGeometry(ConvolutionLayer layer, std::vector<std::int64_t> input_size)
    : layer_(std::move(layer)), input_size_(std::move(input_size)) {
  validate(layer_);
  if (input_size_.size() != layer_.axes.size()) {
    throw Error(
        fmt::format("[convolution] {} axes need as many input sizes, got {}", layer_.axes.size(), input_size_.size()));
  }
  const bool back = layer_.transposed;
  correlation_.in_channels = back ? layer_.out_channels : layer_.in_channels;
  correlation_.out_channels = back ? layer_.in_channels : layer_.out_channels;
  correlation_.groups = layer_.groups;
  correlation_.padding_mode = layer_.padding_mode;
  for (std::size_t i = 0; i < layer_.axes.size(); ++i) {
    const ConvolutionAxis& axis = layer_.axes[i];
    const std::int64_t n = input_size_[i];
    require_at_least(fmt::format("input size of axis {}", i), 1, n);
    const std::int64_t output = output_of(axis, back, n);
    require_output(axis, back, n, output, i);
    output_size_.push_back(output);
    correlation_.axes.push_back(
        {axis.kernel, axis.stride, axis.dilation, axis.pad_low, back ? output : n, back ? n : output});
    if (layer_.padding_mode == PaddingMode::Reflect) require_reflection(correlation_.axes.back(), i);
  }
  require_sides(correlation_);
}

namespace {

/// `2` or `2x1`: one number where all axes agree.
template <class Number>
std::string along_axes(const std::vector<ConvolutionAxis>& axes, const Number& number) {
  std::vector<std::string> all;
  all.reserve(axes.size());
  for (const ConvolutionAxis& axis : axes) all.push_back(number(axis));
  if (std::all_of(all.begin(), all.end(), [&](const std::string& one) { return one == all.front(); })) {
    return all.front();
  }
  return fmt::format("{}", fmt::join(all, "x"));
}

}  // namespace

std::string describe(const ConvolutionLayer& layer) {
  std::vector<std::string> kernel;
  for (const ConvolutionAxis& axis : layer.axes) kernel.push_back(std::to_string(axis.kernel));
  std::string text =
      fmt::format("{} kernel, {} -> {} channels", fmt::join(kernel, "x"), layer.in_channels, layer.out_channels);
  const auto add = [&](std::string_view noun, std::string_view usual, const auto& number) {
    const std::string written = along_axes(layer.axes, number);
    if (written != usual) text += fmt::format(", {} {}", noun, written);
  };
  add("stride", "1", [](const ConvolutionAxis& axis) { return std::to_string(axis.stride); });
  add("dilation", "1", [](const ConvolutionAxis& axis) { return std::to_string(axis.dilation); });
  add("padding", "0", [](const ConvolutionAxis& axis) {
    return axis.pad_low == axis.pad_high ? std::to_string(axis.pad_low)
                                         : fmt::format("{}:{}", axis.pad_low, axis.pad_high);
  });
  add("output padding", "0", [](const ConvolutionAxis& axis) { return std::to_string(axis.output_padding); });
  if (layer.padding_mode != PaddingMode::Zeros) text += fmt::format(", {} padding", name(layer.padding_mode));
  if (layer.groups != 1) text += fmt::format(", {} groups", layer.groups);
  if (layer.transposed) text += ", transposed";
  return text;
}

}  // namespace sigmax
