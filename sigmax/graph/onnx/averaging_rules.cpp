// Averages and sums along axes: Kronecker products of one matrix an axis.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/axis_matrix.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/pooling_axes.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/scalar/named.hpp"

namespace sigmax::graph::onnx {
namespace {

/// The divisor of a window is the product of those of its axes: the entries that it has along each, with the stated
/// padding if `counts_padding`, and never those beyond it.
AxisMatrix averages(const PoolingAxis& axis, bool counts_padding) {
  const CorrelationAxis& w = axis.window;
  AxisMatrix matrix{w.input, {}};
  for (std::int64_t a = 0; a < w.output; ++a) {
    AxisMatrix::Row row{{}, 0};
    for (std::int64_t p = 0; p < w.kernel; ++p) {
      const std::int64_t at = a * w.stride + p * w.dilation - w.pad_low;
      const bool is_entry = at >= 0 && at < w.input;
      if (is_entry) row.entries.emplace_back(at, 1);
      if (is_entry || (counts_padding && at < w.input + axis.pad_high)) ++row.divisor;
    }
    if (row.divisor == 0) throw RefusedNode{"averages a window without entries"};
    matrix.rows.push_back(std::move(row));
  }
  return matrix;
}

std::vector<Value> average_pool_rule(Builder& builder) {
  const Value& input = *builder.operand(0);
  const bool counts_padding = builder.integer("count_include_pad", 0) != 0;
  std::vector<std::optional<AxisMatrix>> matrices(2);
  for (const PoolingAxis& axis : pooling_axes(builder, input.shape))
    matrices.emplace_back(averages(axis, counts_padding));
  return {along_axes(builder, input, matrices)};
}

/// Axes next to each other are reduced as one, so that their mean is rounded once.
Value reduced(Builder& builder, const Value& input, const std::vector<std::size_t>& axes, bool is_mean, bool keeps) {
  Dimensions merged;
  std::vector<std::optional<AxisMatrix>> matrices;
  for (std::size_t axis = 0; axis < input.shape.size(); ++axis) {
    const bool is_reduced = std::ranges::binary_search(axes, axis);
    if (!merged.empty() && is_reduced == matrices.back().has_value()) {
      merged.back() *= input.shape[axis];
    } else {
      merged.push_back(input.shape[axis]);
      matrices.push_back(is_reduced ? std::optional<AxisMatrix>(std::in_place) : std::nullopt);
    }
  }
  for (std::size_t axis = 0; axis < merged.size(); ++axis) {
    if (!matrices[axis]) continue;
    if (is_mean && merged[axis] == 0) throw RefusedNode{"averages an axis without entries"};
    AxisMatrix::Row row{{}, is_mean ? merged[axis] : 1};
    for (std::int64_t i = 0; i < merged[axis]; ++i) row.entries.emplace_back(i, 1);
    *matrices[axis] = {merged[axis], {std::move(row)}};
  }
  const Value whole = reshaped(builder, input, std::move(merged));
  return reshaped(builder, along_axes(builder, whole, matrices), reduced_shape(input.shape, axes, keeps));
}

std::vector<Value> reduce(Builder& builder, bool is_mean, const Value& input) {
  std::vector<std::size_t> axes;
  if (const auto given = builder.integers("axes", 1); given && !given->empty()) {
    axes = axes_of(*given, input.shape.size());
  } else if (builder.integer("noop_with_empty_axes", 0) != 0) {
    return {input};
  } else {
    for (std::size_t axis = 0; axis < input.shape.size(); ++axis) axes.push_back(axis);
  }
  return {reduced(builder, input, axes, is_mean, builder.integer("keepdims", 1) != 0)};
}

std::vector<Value> reduce_mean_rule(Builder& builder) { return reduce(builder, true, *builder.operand(0)); }
std::vector<Value> reduce_sum_rule(Builder& builder) { return reduce(builder, false, *builder.operand(0)); }

/// The sum of x^2: Lipschitz where x is bounded.
std::vector<Value> reduce_squares_rule(Builder& builder) {
  const Value& x = *builder.operand(0);
  const Index node = builder.node_of(x);
  return reduce(builder, false, builder.emit(Product{}, {node, node}, x.shape));
}

/// log(sum x): Lipschitz where the sum is bounded below.
std::vector<Value> reduce_logarithm_rule(Builder& builder) {
  const Value sum = reduce(builder, false, *builder.operand(0)).at(0);
  return {builder.emit(Elementwise{{named_function("Log")}}, {builder.node_of(sum)}, sum.shape)};
}

std::vector<Value> global_average_pool_rule(Builder& builder) {
  const Value& input = *builder.operand(0);
  if (input.shape.size() < 3)
    throw RefusedNode{fmt::format("takes an image, not the shape {}", to_string(input.shape))};
  std::vector<std::size_t> axes;
  for (std::size_t axis = 2; axis < input.shape.size(); ++axis) axes.push_back(axis);
  return {reduced(builder, input, axes, true, true)};
}

std::vector<Value> cumulative_sum_rule(Builder& builder) {
  const Value& input = *builder.operand(0);
  const Known& operand = known_operand(builder, 1, "axis");
  const auto axes = operand.is_integer() ? operand.integers() : std::vector<std::int64_t>();
  if (axes.size() != 1) throw RefusedNode{"has an axis that is not one integer"};
  const std::size_t axis = axis_of(axes[0], input.shape.size());
  const std::int64_t n = input.shape[axis];
  if (n > 2048) throw RefusedNode{fmt::format("sums along an axis of {} entries: its matrix is too large", n)};
  const bool exclusive = builder.integer("exclusive", 0) != 0;
  const bool reverse = builder.integer("reverse", 0) != 0;
  AxisMatrix matrix{n, {}};
  for (std::int64_t i = 0; i < n; ++i) {
    AxisMatrix::Row& row = matrix.rows.emplace_back();
    for (std::int64_t j = 0; j < n; ++j) {
      const bool before = reverse ? j > i : j < i;
      if (before || (j == i && !exclusive)) row.entries.emplace_back(j, 1);
    }
  }
  std::vector<std::optional<AxisMatrix>> matrices(input.shape.size());
  matrices[axis] = std::move(matrix);
  return {along_axes(builder, input, matrices)};
}

}  // namespace

std::span<const NamedRule> averaging_rules() {
  static constexpr NamedRule kRules[] = {
      {"AveragePool", average_pool_rule},       {"GlobalAveragePool", global_average_pool_rule},
      {"ReduceMean", reduce_mean_rule},         {"ReduceSum", reduce_sum_rule},
      {"ReduceSumSquare", reduce_squares_rule}, {"ReduceLogSum", reduce_logarithm_rule},
      {"CumSum", cumulative_sum_rule}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
