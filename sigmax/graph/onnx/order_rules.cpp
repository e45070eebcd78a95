// TopK, LRN and LpPool: what windows and groups have beside sums and maxima.
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

/// The values in order, and positions, which jump.
std::vector<Value> import_top(Builder& builder) {
  const Value& x = *builder.operand(0);
  std::int64_t count = builder.integer("k", -1);
  if (builder.opset() >= 10) {
    const Known& k = known_operand(builder, 1, "number of entries");
    if (!k.is_integer() || k.values.size() != 1) throw RefusedNode{"takes a number of entries that is not one integer"};
    count = k.integers()[0];
  }
  const std::size_t axis = axis_of(builder.integer("axis", -1), x.shape.size());
  const Groups groups{extent_product(x.shape, 0, axis), x.shape[axis],
                      extent_product(x.shape, axis + 1, x.shape.size())};
  if (count < 1 || count > groups.length) {
    throw RefusedNode{fmt::format("takes {} of {} entries", count, groups.length)};
  }
  if (builder.integer("sorted", 1) == 0 && count > 1)
    throw RefusedNode{"gives out values in no stated order (sorted is 0)"};
  counted(x.shape);
  Dimensions shape = x.shape;
  shape[axis] = count;
  const Index input = builder.node_of(x);
  std::vector<Value> outputs{builder.emit(Sorted{groups, count, builder.integer("largest", 1) != 0}, {input}, shape)};
  if (builder.node().outputs.size() > 1 && !builder.node().outputs[1].empty()) {
    outputs.push_back(
        builder.emit(Refused{"is not Lipschitz: its second output is a position, which jumps"}, {input}, shape));
  }
  return outputs;
}

std::vector<Value> import_local_response(Builder& builder) {
  const Value& x = *builder.operand(0);
  if (x.shape.size() < 2) throw RefusedNode{"needs an input with channels"};
  LocalResponse response{{x.shape[0], x.shape[1], extent_product(x.shape, 2, x.shape.size())},
                         builder.integer("size", 0),
                         builder.number("alpha", static_cast<double>(1e-4F)),
                         builder.number("beta", 0.75),
                         builder.number("bias", 1)};
  if (counted(x.shape) == 0) throw RefusedNode{"normalizes no entries"};
  if (response.size < 1 || response.size > kMostEntries) {
    throw RefusedNode{fmt::format("has windows of {} channels", response.size)};
  }
  if (!(response.bias > 0)) throw RefusedNode{fmt::format("has a bias of {}: it may divide by 0", response.bias)};
  if (!(response.alpha >= 0) || !(response.beta >= 0))
    throw RefusedNode{"has a negative alpha or beta, which no rule knows"};
  return {builder.emit(response, {builder.node_of(x)}, x.shape)};
}

/// For each output position of each image the entries in its window, -1 in the padding; windows follow each other.
std::vector<std::int64_t> window_entries(const Dimensions& image, const std::vector<PoolingAxis>& axes) {
  Dimensions all{image[0] * image[1]};
  for (const PoolingAxis& axis : axes) all.push_back(axis.window.output);
  for (const PoolingAxis& axis : axes) all.push_back(axis.window.kernel);
  const Dimensions strides = row_major_strides(image);
  const std::int64_t plane = extent_product(image, 2, image.size());
  std::vector<std::int64_t> source(static_cast<std::size_t>(counted(all)));
  each_entry(all, [&](std::int64_t entry, const Dimensions& index) {
    std::int64_t at = index[0] * plane;
    for (std::size_t k = 0; k < axes.size() && at >= 0; ++k) {
      const CorrelationAxis& w = axes[k].window;
      const std::int64_t place = index[1 + k] * w.stride + index[1 + axes.size() + k] * w.dilation - w.pad_low;
      at = place < 0 || place >= w.input ? -1 : at + place * strides[k + 2];
    }
    source[static_cast<std::size_t>(entry)] = at;
  });
  return source;
}

Value absolute(Builder& builder, const Value& x) {
  return builder.emit(Elementwise{{named_function("Abs")}}, {builder.node_of(x)}, x.shape);
}

/// (sum |x|^p)^(1/p) over each window, for p = 1 and 2: entries of the padding add nothing.
std::vector<Value> import_norm_pool(Builder& builder) {
  const Value& x = *builder.operand(0);
  const std::int64_t p = builder.integer("p", 2);
  if (p != 1 && p != 2) throw RefusedNode{fmt::format("takes a norm with p = {}, which no rule knows", p)};
  const auto axes = pooling_axes(builder, x.shape);
  if (p == 1) {
    std::vector<std::optional<AxisMatrix>> sums(2);
    for (const PoolingAxis& axis : axes) {
      AxisMatrix matrix{axis.window.input, {}};
      for (std::int64_t a = 0; a < axis.window.output; ++a) {
        AxisMatrix::Row row;
        for (std::int64_t k = 0; k < axis.window.kernel; ++k) {
          const std::int64_t at = a * axis.window.stride + k * axis.window.dilation - axis.window.pad_low;
          if (at >= 0 && at < axis.window.input) row.entries.emplace_back(at, 1);
        }
        matrix.rows.push_back(std::move(row));
      }
      sums.emplace_back(std::move(matrix));
    }
    return {along_axes(builder, absolute(builder, x), sums)};
  }
  Dimensions shape{x.shape[0], x.shape[1]};
  std::int64_t taps = 1;
  for (const PoolingAxis& axis : axes) {
    shape.push_back(axis.window.output);
    taps *= axis.window.kernel;
  }
  if (taps > kMostEntries) throw RefusedNode{fmt::format("has windows of {} entries", taps)};
  const std::int64_t windows = counted(shape);
  const Value entries = selected(builder, x, window_entries(x.shape, axes), {windows, taps});
  return {builder.emit(Reduction{Reduction::Kind::EuclideanNorm, {windows, taps, 1}}, {*entries.node}, shape)};
}

std::vector<Value> import_global_norm_pool(Builder& builder) {
  const Value& x = *builder.operand(0);
  const std::int64_t p = builder.integer("p", 2);
  if (p != 1 && p != 2) throw RefusedNode{fmt::format("takes a norm with p = {}, which no rule knows", p)};
  if (x.shape.size() < 3) throw RefusedNode{"pools a value without spatial axes"};
  Dimensions shape(x.shape.size(), 1);
  std::copy_n(x.shape.begin(), 2, shape.begin());
  const Groups groups{x.shape[0] * x.shape[1], extent_product(x.shape, 2, x.shape.size()), 1};
  if (counted(x.shape) == 0) throw RefusedNode{"pools no entries"};
  return {builder.emit(Reduction{p == 2 ? Reduction::Kind::EuclideanNorm : Reduction::Kind::AbsoluteSum, groups},
                       {builder.node_of(x)}, std::move(shape))};
}

}  // namespace

std::span<const NamedRule> order_rules() {
  static constexpr NamedRule kRules[] = {{"TopK", import_top},
                                         {"LRN", import_local_response},
                                         {"LpPool", import_norm_pool},
                                         {"GlobalLpPool", import_global_norm_pool}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
