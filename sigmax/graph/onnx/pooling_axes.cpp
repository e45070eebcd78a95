#include "sigmax/graph/onnx/pooling_axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph::onnx {
namespace {

// Larger numbers of a file are refused, so that products of two of them stay far from the end of int64.
constexpr std::int64_t kMostOfWindow = std::int64_t{1} << 28;

std::vector<std::int64_t> window_numbers(const Builder& builder, const char* attribute, std::size_t count,
                                         std::int64_t least, std::int64_t otherwise) {
  const auto given = builder.integers(attribute);
  if (!given) return std::vector<std::int64_t>(count, otherwise);
  if (given->size() != count) throw RefusedNode{fmt::format("has {} {}, not {}", given->size(), attribute, count)};
  for (const std::int64_t each : *given) {
    if (each < least || each > kMostOfWindow) throw RefusedNode{fmt::format("has {} of {}", attribute, each)};
  }
  return *given;
}

// ceil(a / b) for b > 0 and a >= 0
std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

void set_output(PoolingAxis& axis, const std::string& auto_pad, bool up) {
  CorrelationAxis& w = axis.window;
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    w.output = divided_up(w.input, w.stride);
    const std::int64_t all = std::max<std::int64_t>((w.output - 1) * w.stride + w.reach() - w.input, 0);
    w.pad_low = auto_pad == "SAME_UPPER" ? all / 2 : all - all / 2;
    axis.pad_high = all - w.pad_low;
    return;
  }
  if (auto_pad == "VALID") w.pad_low = axis.pad_high = 0;
  const std::int64_t room = w.input + w.pad_low + axis.pad_high - w.reach();
  if (room < 0) {
    throw RefusedNode{
        fmt::format("has a window of {} on an axis of {} entries", w.reach(), w.input + w.pad_low + axis.pad_high)};
  }
  const bool rounds_up = up && auto_pad != "VALID";
  w.output = (rounds_up ? divided_up(room, w.stride) : room / w.stride) + 1;
  if (rounds_up && (w.output - 1) * w.stride >= w.input + w.pad_low) --w.output;
}

}  // namespace

std::vector<PoolingAxis> pooling_axes(const Builder& builder, const Dimensions& input) {
  if (input.size() < 3) throw RefusedNode{fmt::format("takes an image, not the shape {}", to_string(input))};
  const std::size_t count = input.size() - 2;
  if (!builder.integers("kernel_shape")) throw RefusedNode{"has no kernel_shape"};
  const auto kernel = window_numbers(builder, "kernel_shape", count, 1, 1);
  const auto strides = window_numbers(builder, "strides", count, 1, 1);
  const auto dilations = window_numbers(builder, "dilations", count, 1, 1);
  const auto pads = window_numbers(builder, "pads", 2 * count, 0, 0);
  const std::string auto_pad = builder.text("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "VALID" && auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") {
    throw RefusedNode{fmt::format("has an auto_pad '{}'", auto_pad)};
  }
  std::vector<PoolingAxis> axes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t extent = input[i + 2];
    if (extent < 1 || extent > kMostOfWindow) throw RefusedNode{fmt::format("has an axis of {} entries", extent)};
    PoolingAxis axis{{kernel[i], strides[i], dilations[i], pads[i], extent, 1}, pads[count + i]};
    set_output(axis, auto_pad, builder.integer("ceil_mode", 0) != 0);
    axes.push_back(axis);
  }
  return axes;
}

}  // namespace sigmax::graph::onnx
