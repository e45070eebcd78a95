// LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization, MeanVarianceNormalization, and what
// spelled_out.hpp finds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
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
  const double least = operation.epsilon + operation.added;
  if (!(least > 0) || !std::isfinite(least) || operation.epsilon < 0 || operation.added < 0) {
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

/// Over any axes: with these brought last, if they do not follow each other.
std::vector<Value> standardized_along(Builder& builder, const std::vector<std::size_t>& axes,
                                      Standardization operation) {
  const Value& x = *builder.operand(0);
  const Dimensions& shape = x.shape;
  if (axes.empty()) throw RefusedNode{"normalizes over no axes"};
  const std::size_t first = axes.front(), end = axes.back() + 1;
  if (end - first == axes.size()) {
    operation.groups = {extent_product(shape, 0, first), extent_product(shape, first, end),
                        extent_product(shape, end, shape.size())};
    return emit_standardization(builder, std::move(operation));
  }
  const std::vector<std::int64_t> source = with_axes_last(shape, axes);
  std::vector<std::int64_t> back(source.size());
  for (std::size_t i = 0; i < source.size(); ++i)
    back[static_cast<std::size_t>(source[i])] = static_cast<std::int64_t>(i);
  operation.groups.length = 1;
  for (const std::size_t axis : axes) operation.groups.length *= shape[axis];
  if (counted(shape) == 0) throw RefusedNode{"normalizes no entries"};
  operation.groups.outer = counted(shape) / operation.groups.length;
  const Value turned = selected(builder, x, source, shape);
  const Value y = builder.emit(std::move(operation), {builder.node_of(turned)}, shape);
  return {selected(builder, y, std::move(back), shape)};
}

/// n - correction, as the file writes it: the mean times n / (n - correction), or the sum / (n - correction).
std::int64_t correction_of(const Builder& builder, std::int64_t n) {
  if (builder.operand(2) == nullptr) return 0;
  const auto stated = [&](std::size_t operand) {
    const std::vector<double> numbers = known_operand(builder, operand, "number of entries").numbers();
    return numbers.size() == 1 ? numbers[0] : -1;
  };
  const bool is_sum = builder.integer("sum", 0) != 0;
  const double entries = static_cast<double>(n);
  const double divisor = stated(2), factor = is_sum ? entries : builder.operand(1) == nullptr ? 1 : stated(1);
  if (!is_sum && factor == divisor && factor > 0) return 0;
  const bool fits =
      (is_sum || factor == entries) && divisor == std::nearbyint(divisor) && divisor >= 1 && divisor <= entries;
  if (!fits) throw RefusedNode{fmt::format("divides the squares of {} entries by another number", n)};
  return n - static_cast<std::int64_t>(divisor);
}

std::vector<Value> import_spelled_out(Builder& builder) {
  const Dimensions& shape = builder.operand(0)->shape;
  const auto axes = axes_of(builder.integers("axes").value_or(std::vector<std::int64_t>()), shape.size());
  std::int64_t length = 1;
  for (const std::size_t axis : axes) length *= shape[axis];
  Standardization operation{{}, builder.integer("centered", 1) != 0, builder.number("epsilon", kEpsilon)};
  operation.added = builder.number("added", 0);
  operation.correction = correction_of(builder, length);
  const Value y = standardized_along(builder, axes, std::move(operation)).at(0);
  if (builder.operand(3) == nullptr) return {y};
  if (broadcast_shape(builder.operand(3)->shape, shape) != shape) throw RefusedNode{"has a gain that does not fit"};
  return {emit_affine(builder, scaling(spread_operand(builder, 3, {}, shape)), builder.node_of(y), shape)};
}

/// (x - mean) / (deviation + 1e-9)
std::vector<Value> import_mean_variance(Builder& builder) {
  const auto axes = builder.integers("axes").value_or(std::vector<std::int64_t>{0, 2, 3});
  Standardization operation{{}, true, 0.0};
  operation.added = static_cast<double>(1e-9F);
  return standardized_along(builder, axes_of(axes, builder.operand(0)->shape.size()), std::move(operation));
}

}  // namespace

std::span<const NamedRule> normalization_rules() {
  static constexpr NamedRule kRules[] = {{"LayerNormalization", import_layer},
                                         {"RMSNormalization", import_root_mean_square},
                                         {"InstanceNormalization", import_instance},
                                         {"GroupNormalization", import_group},
                                         {"MeanVarianceNormalization", import_mean_variance},
                                         {kStandardization, import_spelled_out}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
