// Reductions that are not linear: ReduceMax, ReduceMin, ReduceL1, ReduceL2, ReduceLogSumExp, and the root of two
// squares.
#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/onnx/spelled_out.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph::onnx {
namespace {

/// The axes that the node reduces, in ascending order.
std::vector<std::size_t> reduction_axes(const Builder& builder, std::size_t rank) {
  const auto listed = builder.integers("axes", 1).value_or(std::vector<std::int64_t>());
  if (!listed.empty() || builder.integer("noop_with_empty_axes", 0) != 0) return axes_of(listed, rank);
  std::vector<std::size_t> all(rank);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

std::vector<Value> import_reduction(Builder& builder, Reduction::Kind kind) {
  const Value& x = *builder.operand(0);
  const auto axes = reduction_axes(builder, x.shape.size());
  Dimensions shape = reduced_shape(x.shape, axes, builder.integer("keepdims", 1) != 0);
  if (axes.empty()) return {x};
  if (counted(x.shape) == 0) throw RefusedNode{"reduces no entries"};
  const bool adjacent = axes.back() - axes.front() + 1 == axes.size();
  Groups groups;
  Index input = 0;
  if (adjacent) {
    groups = {extent_product(x.shape, 0, axes.front()), extent_product(x.shape, axes.front(), axes.back() + 1),
              extent_product(x.shape, axes.back() + 1, x.shape.size())};
    input = builder.node_of(x);
  } else {
    const std::int64_t count = counted(x.shape);
    input = *emit_affine(builder, selection<double>(count, with_axes_last(x.shape, axes)), builder.node_of(x), {count})
                 .node;
    groups.length = 1;
    for (const std::size_t axis : axes) groups.length *= x.shape[axis];
    groups.outer = counted(x.shape) / groups.length;
  }
  return {builder.emit(Reduction{kind, groups}, {input}, std::move(shape))};
}

std::vector<Value> import_maxima(Builder& builder) { return import_reduction(builder, Reduction::Kind::Maximum); }
std::vector<Value> import_minima(Builder& builder) { return import_reduction(builder, Reduction::Kind::Minimum); }
std::vector<Value> import_lengths(Builder& builder) {
  return import_reduction(builder, Reduction::Kind::EuclideanNorm);
}
std::vector<Value> import_absolute_sums(Builder& builder) {
  return import_reduction(builder, Reduction::Kind::AbsoluteSum);
}
std::vector<Value> import_log_sums(Builder& builder) { return import_reduction(builder, Reduction::Kind::LogSumExp); }

/// sqrt(a^2 + b^2), entry by entry: norms of groups of two.
std::vector<Value> import_hypotenuse(Builder& builder) {
  const Value &a = *builder.operand(0), &b = *builder.operand(1);
  Dimensions shape = broadcast_shape(a.shape, b.shape);
  const std::int64_t count = counted(shape);
  const Index first = builder.node_of(spread_value(builder, a, shape));
  const Index second = builder.node_of(spread_value(builder, b, shape));
  const Value both = builder.emit(Stack{}, {first, second}, {2, count});
  return {builder.emit(Reduction{Reduction::Kind::EuclideanNorm, {1, 2, count}}, {*both.node}, std::move(shape))};
}

}  // namespace

std::span<const NamedRule> reduction_rules() {
  static constexpr NamedRule kRules[] = {{"ReduceMax", import_maxima},         {"ReduceMin", import_minima},
                                         {"ReduceL2", import_lengths},         {"ReduceL1", import_absolute_sums},
                                         {"ReduceLogSumExp", import_log_sums}, {kHypotenuse, import_hypotenuse}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
