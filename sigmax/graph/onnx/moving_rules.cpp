// Operators that move entries: selections, all of them exact.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/movement.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"

namespace sigmax::graph::onnx {
namespace {

std::vector<Value> move_entries(Builder& builder) {
  std::vector<Value> outputs;
  auto movements = movements_of(builder);
  if (!movements) throw RefusedNode{"is not known as an operator that moves entries"};
  const Value& input = *builder.operand(0);
  for (Movement& each : *movements) {
    outputs.push_back(each.in_order ? reshaped(builder, input, std::move(each.shape))
                                    : selected(builder, input, std::move(each.source), std::move(each.shape)));
  }
  return outputs;
}

/// The entry of x that stands at j on an axis of n entries; -1: the constant.
std::int64_t padded_source(const std::string& mode, std::int64_t n, std::int64_t j) {
  if (j >= 0 && j < n) return j;
  if (mode == "constant") return -1;
  if (n == 0) throw RefusedNode{"pads an axis without entries"};
  if (mode == "edge") return j < 0 ? 0 : n - 1;
  if (mode == "wrap") return (j % n + n) % n;
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);  // reflect: 0 1 ... n-1 n-2 ... 1 0 1 ...
  const std::int64_t at = (j % period + period) % period;
  return at < n ? at : period - at;
}

/// The extents before and after each axis.
std::vector<std::pair<std::int64_t, std::int64_t>> pads_of(const Builder& builder, std::size_t rank) {
  auto pads = builder.opset() < 2 ? builder.integers("paddings") : builder.integers("pads", 1);
  if (!pads) throw RefusedNode{"has no pads"};
  std::vector<std::size_t> axes;
  if (const Value* operand = builder.operand(3)) {
    if (!operand->known) throw RefusedNode{"computes its axes from the input"};
    for (const std::int64_t axis : operand->known->integers()) axes.push_back(axis_of(axis, rank));
  } else {
    for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  if (pads->size() != 2 * axes.size()) {
    throw RefusedNode{fmt::format("has {} pads for {} axes", pads->size(), axes.size())};
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> result(rank);
  for (std::size_t i = 0; i < axes.size(); ++i) result[axes[i]] = {(*pads)[i], (*pads)[axes.size() + i]};
  return result;
}

double padding_value(const Builder& builder) {
  if (builder.opset() < 11) return builder.number("value", 0);
  const Value* operand = builder.operand(2);
  if (operand == nullptr) return 0;
  const auto values = known_operand(builder, 2, "padding value").numbers();
  if (values.size() != 1) throw RefusedNode{fmt::format("has {} padding values", values.size())};
  return values[0];
}

/// Negative pads cut off.
std::vector<Value> pad_rule(Builder& builder) {
  const Value& input = *builder.operand(0);
  const std::string mode = builder.text("mode", "constant");
  if (mode != "constant" && mode != "edge" && mode != "wrap" && mode != "reflect") {
    throw RefusedNode{fmt::format("pads in mode '{}'", mode)};
  }
  const auto pads = pads_of(builder, input.shape.size());
  const Dimensions strides = row_major_strides(input.shape);
  Dimensions to;
  std::vector<std::vector<std::int64_t>> along;
  for (std::size_t axis = 0; axis < input.shape.size(); ++axis) {
    const std::int64_t n = input.shape[axis];
    const auto [before, after] = pads[axis];
    if (std::max(std::abs(before), std::abs(after)) > kMostEntries || n + before + after < 0) {
      throw RefusedNode{fmt::format("pads {} entries by {} and {}", n, before, after)};
    }
    to.push_back(n + before + after);
    auto& offsets = along.emplace_back();
    for (std::int64_t j = -before; j < n + after; ++j) {
      const std::int64_t from = padded_source(mode, n, j);
      offsets.push_back(from < 0 ? -1 : from * strides[axis]);
    }
  }
  std::vector<std::int64_t> source(static_cast<std::size_t>(counted(to)));
  each_entry(to, [&](std::int64_t entry, const Dimensions& index) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < index.size() && at >= 0; ++axis) {
      const std::int64_t offset = along[axis][static_cast<std::size_t>(index[axis])];
      at = offset < 0 ? -1 : at + offset;
    }
    source[static_cast<std::size_t>(entry)] = at;
  });
  std::vector<double> offset;
  if (const double value = mode == "constant" ? padding_value(builder) : 0; value != 0) {
    offset.assign(source.size(), 0.0);
    for (std::size_t i = 0; i < source.size(); ++i) offset[i] = source[i] < 0 ? value : 0.0;
  }
  return {selected(builder, input, std::move(source), std::move(to), std::move(offset))};
}

/// y[index] = x[sum of strides[axis] * index[axis]]
std::vector<std::int64_t> strided_source(const Dimensions& to, const Dimensions& strides) {
  std::vector<std::int64_t> source(static_cast<std::size_t>(counted(to)));
  each_entry(to, [&](std::int64_t entry, const Dimensions& index) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) at += strides[axis] * index[axis];
    source[static_cast<std::size_t>(entry)] = at;
  });
  return source;
}

std::vector<Value> triangle_rule(Builder& builder) {
  const Value& input = *builder.operand(0);
  return {selected(builder, input, triangle(builder, input.shape), input.shape)};
}

std::int64_t block_of(const Builder& builder, const Dimensions& shape) {
  if (shape.size() != 4) throw RefusedNode{fmt::format("takes 4 axes, not the shape {}", to_string(shape))};
  const std::int64_t block = builder.integer("blocksize", 0);
  if (block < 1 || block > kMostEntries) throw RefusedNode{fmt::format("has a block size of {}", block)};
  return block;
}

/// Channels (DCR) [b, b, c], or (CRD) [c, b, b], become blocks of b x b positions.
std::vector<Value> depth_to_space_rule(Builder& builder) {
  const Value& input = *builder.operand(0);
  const std::int64_t b = block_of(builder, input.shape);
  const std::string mode = builder.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") throw RefusedNode{fmt::format("has the mode '{}'", mode)};
  const std::int64_t n = input.shape[0], channels = input.shape[1], h = input.shape[2], w = input.shape[3];
  if (channels % (b * b) != 0) throw RefusedNode{fmt::format("makes blocks of {} of {} channels", b * b, channels)};
  const std::int64_t c = channels / (b * b), plane = h * w;
  const bool depth_first = mode == "DCR";
  const std::int64_t of_channel = depth_first ? plane : b * b * plane;
  const std::int64_t of_row = depth_first ? b * c * plane : b * plane;
  const std::int64_t of_column = depth_first ? c * plane : plane;
  auto source = strided_source({n, c, h, b, w, b}, {channels * plane, of_channel, w, of_row, 1, of_column});
  return {selected(builder, input, std::move(source), {n, c, h * b, w * b})};
}

/// Channels [b, b, c] of the blocks' positions.
std::vector<Value> space_to_depth_rule(Builder& builder) {
  const Value& input = *builder.operand(0);
  const std::int64_t b = block_of(builder, input.shape);
  if (builder.text("mode", "DCR") != "DCR") throw RefusedNode{"has a mode that no rule knows"};
  const std::int64_t n = input.shape[0], c = input.shape[1], h = input.shape[2], w = input.shape[3];
  if (h % b != 0 || w % b != 0) throw RefusedNode{fmt::format("makes blocks of {} of {} x {} positions", b, h, w)};
  auto source = strided_source({n, b, b, c, h / b, w / b}, {c * h * w, w, 1, h * w, b * w, b});
  return {selected(builder, input, std::move(source), {n, c * b * b, h / b, w / b})};
}

/// Where the pieces of a concatenation lie.
struct Joined {
  Dimensions shape;
  std::int64_t outer = 1;
  std::vector<const Value*> parts;
  std::vector<std::int64_t> lengths;  ///< entries of each part for each index before the axis
};

Joined joined(const Builder& builder) {
  Joined all;
  const std::size_t count = builder.node().inputs.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Value* part = builder.operand(i);
    if (part == nullptr) throw RefusedNode{fmt::format("has no input {}", i + 1)};
    all.parts.push_back(part);
  }
  all.shape = all.parts.front()->shape;
  const std::int64_t fallback = builder.opset() < 4 ? 1 : 0;
  const std::size_t axis = axis_of(builder.integer("axis", fallback), all.shape.size());
  std::int64_t extent = 0;
  for (const Value* part : all.parts) {
    Dimensions other = part->shape;
    if (other.size() == all.shape.size()) {
      extent += other[axis];
      other[axis] = all.shape[axis];
    }
    if (other != all.shape) {
      throw RefusedNode{fmt::format("joins the shapes {} and {}", to_string(all.shape), to_string(part->shape))};
    }
  }
  all.outer = extent_product(all.shape, 0, axis);
  for (const Value* part : all.parts) all.lengths.push_back(extent_product(part->shape, axis, part->shape.size()));
  all.shape[axis] = extent;
  return all;
}

/// The data below each other; then a selection puts pieces in their places, and constants are an offset.
std::vector<Value> concat_rule(Builder& builder) {
  const Joined all = joined(builder);
  const auto size = static_cast<std::size_t>(counted(all.shape));
  std::vector<std::int64_t> source(size);
  std::vector<double> offset;
  std::vector<Index> inputs;
  std::int64_t stacked = 0;
  std::int64_t place = 0;  // of the part within a row of the output
  const std::int64_t row = all.outer > 0 ? static_cast<std::int64_t>(size) / all.outer : 0;
  for (std::size_t p = 0; p < all.parts.size(); ++p) {
    const Value& part = *all.parts[p];
    const std::vector<double> constants = part.known ? part.known->numbers() : std::vector<double>();
    if (part.known && offset.empty()) offset.assign(size, 0.0);
    for (std::int64_t o = 0; o < all.outer; ++o) {
      for (std::int64_t i = 0; i < all.lengths[p]; ++i) {
        const auto to = static_cast<std::size_t>(o * row + place + i);
        const std::int64_t from = o * all.lengths[p] + i;
        source[to] = part.known ? -1 : stacked + from;
        if (part.known) offset[to] = constants[static_cast<std::size_t>(from)];
      }
    }
    place += all.lengths[p];
    if (part.known) continue;
    inputs.push_back(builder.node_of(part));
    stacked += all.outer * all.lengths[p];
  }
  const bool is_one = inputs.size() == 1;
  const Value data = is_one ? Value{{stacked}, std::nullopt, inputs.front()} : builder.emit(Stack{}, inputs, {stacked});
  return {selected(builder, data, std::move(source), all.shape, std::move(offset))};
}

}  // namespace

std::span<const NamedRule> moving_rules() {
  static constexpr NamedRule kRules[] = {{"Reshape", move_entries},        {"Flatten", move_entries},
                                         {"Squeeze", move_entries},        {"Unsqueeze", move_entries},
                                         {"Transpose", move_entries},      {"Slice", move_entries},
                                         {"Split", move_entries},          {"Gather", move_entries},
                                         {"GatherElements", move_entries}, {"Expand", move_entries},
                                         {"Tile", move_entries},           {"Pad", pad_rule},
                                         {"Trilu", triangle_rule},         {"DepthToSpace", depth_to_space_rule},
                                         {"Concat", concat_rule},          {"SpaceToDepth", space_to_depth_rule}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
