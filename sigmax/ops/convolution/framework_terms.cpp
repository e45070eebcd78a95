#include "sigmax/ops/convolution/framework_terms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

using List = std::vector<std::int64_t>;

/// Numbers of files may be anything: they are bounded before anything is computed from them.
void require_bounded(std::string_view noun, std::span<const std::int64_t> numbers) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  for (const std::int64_t number : numbers) {
    if (number >= -kMost && number <= kMost) continue;
    throw Error(fmt::format("[convolution] the {} of a layer are at most 2^40, got {}", noun, number));
  }
}

/// The number for an axis: the list's own, its only one if `shared`, or the default.
List spread(std::string_view noun, const List& given, std::size_t axes, std::int64_t usual, bool shared) {
  require_bounded(noun, given);
  if (given.empty()) return List(axes, usual);
  if (given.size() == axes) return given;
  if (shared && given.size() == 1) return List(axes, given.front());
  throw Error(fmt::format("[convolution] {} axes have {} {}, got {}", axes, axes, noun, given.size()));
}

/// Channels, groups and kernel sides from the weight's shape.
ConvolutionLayer layer_of(const Dimensions& weight, std::int64_t groups, bool transposed) {
  if (weight.size() < 3 || weight.size() > 5) {
    throw Error(
        fmt::format("[convolution] the weight of a convolution has 3 to 5 dimensions, got {}", to_string(weight)));
  }
  require_bounded("sides of the weight", weight);
  require_bounded("groups", std::array{groups});
  ConvolutionLayer layer;
  layer.transposed = transposed;
  layer.groups = groups;
  std::int64_t many = 0;
  if (groups < 1 || __builtin_mul_overflow(weight[1], groups, &many)) {
    throw Error(fmt::format("[convolution] the number of groups must be positive and fit the weight, got {} for {}",
                            groups, to_string(weight)));
  }
  layer.in_channels = transposed ? weight[0] : many;
  layer.out_channels = transposed ? many : weight[0];
  for (std::size_t i = 2; i < weight.size(); ++i) {
    layer.axes.push_back({});
    layer.axes.back().kernel = weight[i];
  }
  return layer;
}

/// Strides and dilations, which "same" is computed from, and the sides of the kernel.
void set_steps(ConvolutionLayer& layer, const List& strides, const List& dilations) {
  for (std::size_t i = 0; i < layer.axes.size(); ++i) {
    layer.axes[i].stride = strides[i];
    layer.axes[i].dilation = dilations[i];
  }
  validate(layer);
}

PaddingMode padding_mode(const std::string& word) {
  for (const PaddingMode mode :
       {PaddingMode::Zeros, PaddingMode::Circular, PaddingMode::Reflect, PaddingMode::Replicate}) {
    if (word == name(mode)) return mode;
  }
  throw Error(fmt::format("[convolution] the padding mode is zeros, circular, reflect or replicate, got '{}'", word));
}

void pad_same(ConvolutionLayer& layer) {
  for (ConvolutionAxis& axis : layer.axes) {
    if (layer.transposed || axis.stride != 1) {
      throw Error(fmt::format("[convolution] PyTorch pads a convolution by 'same' for stride 1 only, got {}",
                              layer.transposed ? "a transposed one" : fmt::format("stride {}", axis.stride)));
    }
    const std::int64_t all = axis.reach() - 1;
    axis.pad_low = all / 2;
    axis.pad_high = all - all / 2;
  }
}

}  // namespace

ConvolutionLayer convolution_layer(const PyTorchConvolution& terms) {
  const FloatingEnvironment environment;
  ConvolutionLayer layer = layer_of(terms.weight_shape, terms.groups, terms.transposed);
  const std::size_t axes = layer.axes.size();
  set_steps(layer, spread("strides", terms.stride, axes, 1, true), spread("dilations", terms.dilation, axes, 1, true));
  layer.padding_mode = padding_mode(terms.padding_mode);
  const List pads = spread("pads", terms.padding, axes, 0, true);
  const List more = spread("output pads", terms.output_padding, axes, 0, true);
  for (std::size_t i = 0; i < axes; ++i) {
    ConvolutionAxis& axis = layer.axes[i];
    axis.pad_low = axis.pad_high = pads[i];
    axis.output_padding = more[i];
    if (more[i] >= std::max(axis.stride, axis.dilation)) {
      throw Error(fmt::format("[convolution] output padding must be smaller than stride {} or dilation {}, got {}",
                              axis.stride, axis.dilation, more[i]));
    }
  }
  if (terms.padding_word == "same" || terms.padding_word == "valid") {
    if (!terms.padding.empty()) {
      throw Error(fmt::format("[convolution] padding is '{}' or numbers, got both", terms.padding_word));
    }
    if (terms.padding_word == "same") pad_same(layer);
  } else if (!terms.padding_word.empty()) {
    throw Error(fmt::format("[convolution] padding is 'same', 'valid' or numbers, got '{}'", terms.padding_word));
  }
  validate(layer);
  return layer;
}

namespace {

/// Which half of an odd number of pads is the larger.
void split(ConvolutionAxis& axis, std::int64_t all, bool larger_at_end) {
  axis.pad_low = larger_at_end ? all / 2 : all - all / 2;
  axis.pad_high = all - axis.pad_low;
}

void require_input(const std::string& why, std::size_t axes, std::span<const std::int64_t> input_size) {
  require_bounded("input sizes", input_size);
  if (input_size.size() == axes) return;
  throw Error(fmt::format("[convolution] the pads of {} depend on the input size: give {} sizes, got {}", why, axes,
                          input_size.size()));
}

/// ceil(n / s) outputs, from max(0, (ceil(n / s) - 1) s + reach - n) pads; for stride 1 that is reach - 1 at any size.
void pad_same(ConvolutionLayer& layer, bool upper, std::span<const std::int64_t> input_size) {
  for (std::size_t i = 0; i < layer.axes.size(); ++i) {
    ConvolutionAxis& axis = layer.axes[i];
    std::int64_t all = axis.reach() - 1;
    if (axis.stride > 1) {
      require_input("auto_pad SAME with a stride", layer.axes.size(), input_size);
      const std::int64_t n = input_size[i];
      const std::int64_t last = (n - 1) / axis.stride * axis.stride;
      all = std::max<std::int64_t>(0, last + axis.reach() - n);
    }
    split(axis, all, upper);
  }
}

/// The definition of ConvTranspose: the pads that lead to the wanted output size.
void pad_transposed(ConvolutionLayer& layer, const OnnxConvolution& terms, std::span<const std::int64_t> input_size) {
  const std::size_t axes = layer.axes.size();
  const bool upper = terms.auto_pad == "SAME_UPPER";
  const List& wanted = terms.output_shape;
  if (!wanted.empty()) {
    require_bounded("output sizes", wanted);
    if (wanted.size() != axes && wanted.size() != axes + 2) {
      throw Error(
          fmt::format("[convolution] an output shape has {} or {} entries, got {}", axes, axes + 2, wanted.size()));
    }
    require_input("an output shape", axes, input_size);
  }
  for (std::size_t i = 0; i < axes; ++i) {
    ConvolutionAxis& axis = layer.axes[i];
    // stride (n - 1) + output_padding + reach - wanted; for SAME, wanted is stride n.
    std::int64_t all = axis.output_padding + axis.reach() - axis.stride;
    if (!wanted.empty()) {
      std::int64_t reached = 0;
      if (__builtin_mul_overflow(axis.stride, input_size[i] - 1, &reached) || reached > (std::int64_t{1} << 61)) {
        throw Error(
            fmt::format("[convolution] sizes exceed 2^61: stride {} at input size {}", axis.stride, input_size[i]));
      }
      all = reached + axis.output_padding + axis.reach() - wanted[wanted.size() - axes + i];
    }
    split(axis, std::max<std::int64_t>(0, all), upper);
    if (all < 0) axis.output_padding -= all;
  }
}

void pad_by_list(ConvolutionLayer& layer, const List& pads) {
  const std::size_t axes = layer.axes.size();
  if (pads.empty()) return;
  if (pads.size() != 2 * axes) {
    throw Error(fmt::format("[convolution] {} axes have {} pads, all beginnings and then all ends, got {}", axes,
                            2 * axes, pads.size()));
  }
  for (std::size_t i = 0; i < axes; ++i) {
    layer.axes[i].pad_low = pads[i];
    layer.axes[i].pad_high = pads[axes + i];
  }
}

bool is_same(const std::string& auto_pad) { return auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER"; }

void require_consistent(const OnnxConvolution& terms, const ConvolutionLayer& layer) {
  const bool by_list = terms.auto_pad.empty() || terms.auto_pad == "NOTSET";
  if (!by_list && terms.auto_pad != "VALID" && !is_same(terms.auto_pad)) {
    throw Error(
        fmt::format("[convolution] auto_pad is NOTSET, VALID, SAME_UPPER or SAME_LOWER, got '{}'", terms.auto_pad));
  }
  if (!by_list && std::any_of(terms.pads.begin(), terms.pads.end(), [](std::int64_t pad) { return pad != 0; })) {
    throw Error(fmt::format("[convolution] auto_pad {} and pads exclude each other", terms.auto_pad));
  }
  if (!terms.transposed && !(terms.output_shape.empty() && terms.output_padding.empty())) {
    throw Error("[convolution] only ConvTranspose has an output shape or output padding");
  }
  if (terms.kernel_shape.empty()) return;
  const Dimensions& weight = terms.weight_shape;
  if (!std::equal(weight.begin() + 2, weight.end(), terms.kernel_shape.begin(), terms.kernel_shape.end())) {
    throw Error(fmt::format("[convolution] kernel_shape {} differs from that of the weight {}",
                            to_string(terms.kernel_shape), to_string(layer.kernel_shape())));
  }
}

}  // namespace

ConvolutionLayer convolution_layer(const OnnxConvolution& terms, std::span<const std::int64_t> input_size) {
  const FloatingEnvironment environment;
  ConvolutionLayer layer = layer_of(terms.weight_shape, terms.group, terms.transposed);
  require_consistent(terms, layer);
  const std::size_t axes = layer.axes.size();
  require_bounded("pads", terms.pads);
  set_steps(layer, spread("strides", terms.strides, axes, 1, false),
            spread("dilations", terms.dilations, axes, 1, false));
  const List more = spread("output pads", terms.output_padding, axes, 0, false);
  for (std::size_t i = 0; i < axes; ++i) layer.axes[i].output_padding = more[i];
  if (layer.transposed && (!terms.output_shape.empty() || is_same(terms.auto_pad))) {
    validate(layer);
    pad_transposed(layer, terms, input_size);
  } else if (is_same(terms.auto_pad)) {
    pad_same(layer, terms.auto_pad == "SAME_UPPER", input_size);
  } else {
    pad_by_list(layer, terms.pads);
  }
  validate(layer);
  return layer;
}

}  // namespace sigmax
