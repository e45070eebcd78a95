// LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization, and what spelled_out.hpp finds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/onnx/spelled_out.hpp"

namespace sigmax::graph::onnx {
namespace {

constexpr double kEpsilon = static_cast<double>(1e-5F);  // of all of them, if the file states none

/// The numbers of a gain or an offset, for each entry of x; empty if the operand is absent.
std::vector<double> spread_operand(const Builder& builder, std::size_t operand, Dimensions shape_before_spreading,
                                   const Dimensions& shape) {
  const Value* value = builder.operand(operand);
  if (value == nullptr) return {};
  if (!value->known) throw RefusedNode{"computes its gain or its offset from the input"};
  Value reshaped = *value;
  if (!shape_before_spreading.empty()) {
    if (counted(shape_before_spreading) != counted(value->shape)) {
      throw RefusedNode{fmt::format("has a gain or an offset of {} entries, not {}", counted(value->shape),
                                    counted(shape_before_spreading))};
    }
    reshaped.shape = std::move(shape_before_spreading);
  }
  std::vector<double> numbers = spread_numbers(reshaped, shape);
  if (!std::ranges::all_of(numbers, [](double each) { return std::isfinite(each); })) {
    throw RefusedNode{"has a gain or an offset that is not finite"};
  }
  return numbers;
}

std::vector<Value> emit_standardization(Builder& builder, Standardization operation) {
  const Value& x = *builder.operand(0);
  if (!(operation.epsilon > 0) || !std::isfinite(operation.epsilon)) {
    throw RefusedNode{
        fmt::format("has an epsilon of {}: near a constant input its slope is not bounded", operation.epsilon)};
  }
  if (counted(x.shape) == 0) throw RefusedNode{"normalizes no entries"};
  return {builder.emit(std::move(operation), {builder.node_of(x)}, x.shape)};
}

/// Over the axes from `axis` on.
std::vector<Value> import_trailing(Builder& builder, bool centered) {
  const Dimensions& shape = builder.operand(0)->shape;
  const std::size_t axis = axis_of(builder.integer("axis", -1), shape.size());
  return emit_standardization(builder, {{extent_product(shape, 0, axis), extent_product(shape, axis, shape.size()), 1},
                                        centered,
                                        builder.number("epsilon", kEpsilon),
                                        spread_operand(builder, 1, {}, shape),
                                        spread_operand(builder, 2, {}, shape)});
}

std::vector<Value> import_layer(Builder& builder) { return import_trailing(builder, true); }
std::vector<Value> import_root_mean_square(Builder& builder) { return import_trailing(builder, false); }

/// x is [N, C, positions...]: a group for each image and `per_group` channels that follow each other.
std::vector<Value> import_channels(Builder& builder, std::int64_t groups) {
  const Dimensions& shape = builder.operand(0)->shape;
  if (shape.size() < 2) throw RefusedNode{"needs an input with channels"};
  const std::int64_t channels = shape[1];
  if (groups <= 0 || channels % groups != 0) {
    throw RefusedNode{fmt::format("has {} groups for {} channels", groups, channels)};
  }
  const auto spread = [&](std::size_t operand) {
    const Value* value = builder.operand(operand);
    const bool per_group = value != nullptr && counted(value->shape) == groups && groups != channels;
    Dimensions from(shape.size(), 1);
    if (!per_group) {
      from[1] = channels;
      return spread_operand(builder, operand, from, shape);
    }
    // Opset 18: a number for each group. As axes [N, groups, channels of a group, positions].
    const std::int64_t positions = extent_product(shape, 2, shape.size());
    return spread_operand(builder, operand, {1, groups, 1, 1}, {shape[0], groups, channels / groups, positions});
  };
  const std::int64_t length = channels / groups * extent_product(shape, 2, shape.size());
  return emit_standardization(
      builder, {{shape[0] * groups, length, 1}, true, builder.number("epsilon", kEpsilon), spread(1), spread(2)});
}

std::vector<Value> import_instance(Builder& builder) {
  const Dimensions& shape = builder.operand(0)->shape;
  return import_channels(builder, shape.size() < 2 ? 0 : shape[1]);
}

std::vector<Value> import_group(Builder& builder) { return import_channels(builder, builder.integer("num_groups", 0)); }

std::vector<Value> import_spelled_out(Builder& builder) {
  const Dimensions& shape = builder.operand(0)->shape;
  const auto axes = axes_of(builder.integers("axes").value_or(std::vector<std::int64_t>()), shape.size());
  if (axes.empty() || axes.back() - axes.front() + 1 != axes.size()) {
    throw RefusedNode{"normalizes over axes that do not follow each other"};
  }
  const std::size_t first = axes.front(), end = axes.back() + 1;
  return emit_standardization(builder, {{extent_product(shape, 0, first), extent_product(shape, first, end),
                                         extent_product(shape, end, shape.size())},
                                        builder.integer("centered", 1) != 0,
                                        builder.number("epsilon", kEpsilon)});
}

}  // namespace

std::span<const NamedRule> normalization_rules() {
  static constexpr NamedRule kRules[] = {{"LayerNormalization", import_layer},
                                         {"RMSNormalization", import_root_mean_square},
                                         {"InstanceNormalization", import_instance},
                                         {"GroupNormalization", import_group},
                                         {kStandardization, import_spelled_out}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
