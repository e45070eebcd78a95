// Resize and Upsample: a matrix for each axis.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/axis_matrix.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/resized_axis.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/product.hpp"

namespace sigmax::graph::onnx {
namespace {

constexpr std::int64_t kMostResized = std::int64_t{1} << 26;

/// floor(n s)
std::int64_t scaled_extent(std::int64_t n, const Ratio& s) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(n, s.numerator, &product)) throw RefusedNode{"has a scale that is too large"};
  return product / s.denominator;
}

void require_extent(std::int64_t extent) {
  if (extent < 0 || extent > kMostResized) throw RefusedNode{fmt::format("resizes an axis to {} entries", extent)};
}

/// The known numbers of an operand; none if it is absent or empty.
std::vector<double> numbers_of(const Builder& builder, std::size_t index, const char* what) {
  return builder.operand(index) == nullptr ? std::vector<double>() : known_operand(builder, index, what).numbers();
}

std::vector<std::size_t> resized_axes(const Builder& builder, std::size_t rank, std::size_t count) {
  std::vector<std::size_t> axes;
  if (const auto given = builder.integers("axes")) {
    for (const std::int64_t axis : *given) axes.push_back(axis_of(axis, rank));
    axes_of(*given, rank);  // each once
  } else {
    for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  if (axes.size() != count) throw RefusedNode{fmt::format("has {} scales or sizes for {} axes", count, axes.size())};
  return axes;
}

void set_scales(std::vector<AxisResize>& axes, const std::vector<double>& scales,
                const std::vector<std::size_t>& which) {
  for (std::size_t i = 0; i < scales.size(); ++i) {
    AxisResize& axis = axes[which[i]];
    axis.scale = ratio_of(scales[i]);
    axis.outputs = scaled_extent(axis.inputs, axis.scale);
    require_extent(axis.outputs);
  }
}

/// Sizes as stated, or ("not_larger", "not_smaller") the least or greatest of their scales for all axes, and extents
/// rounded to nearest.
void set_sizes(std::vector<AxisResize>& axes, const std::vector<std::int64_t>& sizes,
               const std::vector<std::size_t>& which, const std::string& policy) {
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller") {
    throw RefusedNode{fmt::format("has the keep_aspect_ratio_policy '{}'", policy)};
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    AxisResize& axis = axes[which[i]];
    require_extent(sizes[i]);
    require_extent(axis.inputs);
    if (axis.inputs == 0 || sizes[i] == 0) throw RefusedNode{"resizes from or to an axis without entries"};
    axis.outputs = sizes[i];
    const std::int64_t common = std::gcd(sizes[i], axis.inputs);
    axis.scale = {sizes[i] / common, axis.inputs / common};
  }
  if (policy == "stretch" || sizes.empty()) return;
  Ratio chosen = axes[which[0]].scale;
  for (const std::size_t axis : which) {
    const Ratio& other = axes[axis].scale;
    const bool is_less = other.numerator * chosen.denominator < chosen.numerator * other.denominator;
    if (is_less == (policy == "not_larger")) chosen = other;
  }
  for (const std::size_t axis : which) {
    axes[axis].scale = chosen;
    axes[axis].outputs = scaled_extent(2 * axes[axis].inputs, chosen);
    // floor(s n + 1/2) = floor((floor(2 s n) + 1) / 2)
    axes[axis].outputs = (axes[axis].outputs + 1) / 2;
    require_extent(axes[axis].outputs);
  }
}

/// Nothing where the weights do not fit into numbers that are exact.
std::optional<AxisMatrix> exact_matrix(const AxisResize& axis) {
  if (axis.mode != "cubic" || axis.excludes_outside) return resized_axis(axis);
  try {
    AxisMatrix matrix = resized_axis(axis);
    axis_operator(matrix);
    return matrix;
  } catch (const RefusedNode&) {
    return std::nullopt;
  }
}

/// One axis, by a sum of four maps.
Value resized_by_powers(Builder& builder, const Value& input, std::size_t axis, const AxisResize& resize) {
  const CubicAxis cubic = cubic_axis(resize);
  Dimensions shape = input.shape;
  shape[axis] = resize.outputs;
  const auto before = identity<double>(extent_product(input.shape, 0, axis));
  const auto after = identity<double>(extent_product(input.shape, axis + 1, input.shape.size()));
  std::vector<Index> terms;
  std::vector<double> powers(cubic.fractions.size(), 1.0);
  for (std::size_t m = 0; m < cubic.parts.size(); ++m) {
    const AxisOperator along = axis_operator(cubic.parts[m]);
    const auto scale = diagonal<double>(Tensor::copy_of(powers, {resize.outputs}));
    // f^m has m quotients and m - 1 products that are rounded.
    const auto roundings = static_cast<std::int64_t>(2 * m) + along.roundings;
    terms.push_back(*emit_affine(builder, kronecker<double>({before, product(scale, along.map), after}),
                                 builder.node_of(input), shape, {}, rounding_error(roundings))
                         .node);
    for (std::size_t i = 0; i < powers.size(); ++i) powers[i] *= cubic.fractions[i];
  }
  return builder.emit(Sum{}, std::move(terms), shape);
}

/// One matrix for each axis whose scale is not 1; the rest are left alone.
Value resized(Builder& builder, const Value& input, const std::vector<AxisResize>& axes) {
  std::vector<std::optional<AxisMatrix>> matrices;
  std::vector<std::size_t> by_powers;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const AxisResize& axis = axes[i];
    const bool is_same = axis.outputs == axis.inputs && axis.scale.numerator == axis.scale.denominator &&
                         axis.coordinates != "tf_crop_and_resize";
    matrices.push_back(is_same ? std::nullopt : exact_matrix(axis));
    if (!is_same && !matrices.back()) by_powers.push_back(i);
  }
  Value result = along_axes(builder, input, matrices);
  for (const std::size_t axis : by_powers) result = resized_by_powers(builder, result, axis, axes[axis]);
  return result;
}

/// Before version 11: coordinates x / scale, and `nearest` rounds them down.
void set_old_modes(std::vector<AxisResize>& axes) {
  for (AxisResize& axis : axes) {
    axis.coordinates = "asymmetric";
    axis.rounding = "floor";
    if (axis.mode == "nearest" && axis.scale.numerator < axis.scale.denominator) {
      throw RefusedNode{"shrinks by the nearest entry as before version 11, which does not say how it rounds"};
    }
  }
}

std::vector<AxisResize> axes_to_resize(const Builder& builder, const Value& input) {
  std::vector<AxisResize> axes(input.shape.size());
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    axes[axis].inputs = axes[axis].outputs = input.shape[axis];
    axes[axis].mode = builder.text("mode", "nearest");
    if (axes[axis].mode == "bilinear") axes[axis].mode = "linear";
  }
  return axes;
}

std::vector<Value> upsample_rule(Builder& builder) {
  const Value& input = *builder.operand(0);
  std::vector<AxisResize> axes = axes_to_resize(builder, input);
  std::vector<double> scales = numbers_of(builder, 1, "scales");
  if (const auto* given = builder.node().find<std::vector<double>>("scales"); given != nullptr) scales = *given;
  if (scales.size() != axes.size()) {
    throw RefusedNode{fmt::format("has {} scales for {} axes", scales.size(), axes.size())};
  }
  set_scales(axes, scales, resized_axes(builder, axes.size(), scales.size()));
  set_old_modes(axes);
  return {resized(builder, input, axes)};
}

void set_modes(const Builder& builder, std::vector<AxisResize>& axes) {
  for (AxisResize& axis : axes) {
    axis.coordinates = builder.text("coordinate_transformation_mode", "half_pixel");
    axis.rounding = builder.text("nearest_mode", "round_prefer_floor");
    axis.cubic = builder.number("cubic_coeff_a", -0.75);
    axis.excludes_outside = builder.integer("exclude_outside", 0) != 0;
    if (axis.mode != "nearest" && axis.coordinates == "tf_half_pixel_for_nn") {
      throw RefusedNode{"interpolates at the coordinates of tf_half_pixel_for_nn, which are for `nearest`"};
    }
    const bool shrinks = axis.scale.numerator < axis.scale.denominator;
    if (builder.integer("antialias", 0) != 0 && shrinks && axis.mode != "nearest") {
      throw RefusedNode{"shrinks with antialias"};
    }
  }
}

/// The part of each axis that tf_crop_and_resize takes.
void set_crop(const Builder& builder, std::vector<AxisResize>& axes, const std::vector<std::size_t>& which) {
  if (builder.text("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize") return;
  if (builder.number("extrapolation_value", 0) != 0) {
    throw RefusedNode{"has an extrapolation value other than 0, which no rule knows"};
  }
  const std::vector<double> region = numbers_of(builder, 1, "region");
  if (region.size() != 2 * which.size()) {
    throw RefusedNode{fmt::format("has a region of {} numbers for {} axes", region.size(), which.size())};
  }
  for (std::size_t i = 0; i < which.size(); ++i) {
    axes[which[i]].start = region[i];
    axes[which[i]].end = region[which.size() + i];
  }
}

std::vector<Value> resize_rule(Builder& builder) {
  if (builder.opset() < 11) {
    const Value& input = *builder.operand(0);
    std::vector<AxisResize> axes = axes_to_resize(builder, input);
    const std::vector<double> scales = numbers_of(builder, 1, "scales");
    set_scales(axes, scales, resized_axes(builder, axes.size(), scales.size()));
    set_old_modes(axes);
    return {resized(builder, input, axes)};
  }
  const Value& input = *builder.operand(0);
  std::vector<AxisResize> axes = axes_to_resize(builder, input);
  const std::vector<double> scales = numbers_of(builder, 2, "scales");
  if (!scales.empty()) {
    const auto which = resized_axes(builder, axes.size(), scales.size());
    set_scales(axes, scales, which);
    set_crop(builder, axes, which);
  } else {
    const Known& operand = known_operand(builder, 3, "sizes");
    if (!operand.is_integer()) throw RefusedNode{"has sizes that are not integers"};
    const std::vector<std::int64_t> sizes = operand.integers();
    const auto which = resized_axes(builder, axes.size(), sizes.size());
    set_sizes(axes, sizes, which, builder.text("keep_aspect_ratio_policy", "stretch"));
    set_crop(builder, axes, which);
  }
  set_modes(builder, axes);
  return {resized(builder, input, axes)};
}

}  // namespace

std::span<const NamedRule> resizing_rules() {
  static constexpr NamedRule kRules[] = {{"Resize", resize_rule}, {"Upsample", upsample_rule}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
