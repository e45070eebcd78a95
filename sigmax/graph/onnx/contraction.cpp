#include "sigmax/graph/onnx/contraction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"

namespace sigmax::graph::onnx {
namespace {

using Extents = std::map<Label, std::int64_t>;
/// How far the entry moves with a label's index; labels of extent 1 are left out.
using Strides = std::map<Label, std::int64_t>;

bool has(const Labels& labels, Label label) { return std::ranges::find(labels, label) != labels.end(); }

void add_extents(Extents& extents, const Labels& labels, const Dimensions& shape) {
  if (labels.size() != shape.size()) {
    throw RefusedNode{fmt::format("names {} axes of the shape {}", labels.size(), to_string(shape))};
  }
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const auto [at, is_new] = extents.emplace(labels[axis], shape[axis]);
    if (is_new || at->second == shape[axis] || shape[axis] == 1) continue;
    if (at->second != 1) {
      throw RefusedNode{fmt::format("joins axes of {} and of {} entries", at->second, shape[axis])};
    }
    at->second = shape[axis];
  }
}

/// A label that occurs twice moves along both axes at once.
Strides strides_of(const Labels& labels, const Dimensions& shape) {
  Strides strides;
  const Dimensions own = row_major_strides(shape);
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != 1) strides[labels[axis]] += own[axis];
  }
  return strides;
}

/// The labels of the operands by their part, those of extent 1 left out.
struct Parts {
  Labels batch;    ///< in both and in the output
  Labels inner;    ///< summed, of either or both
  Labels rows;     ///< of the left operand and the output
  Labels columns;  ///< of the right operand and the output
};

Parts parts_of(const Contraction& c, const Extents& extents, const Strides& left, const Strides& right) {
  Parts parts;
  for (const auto& [label, extent] : extents) {
    if (extent == 1) continue;
    const bool in_left = left.contains(label), in_right = right.contains(label), in_out = has(c.out, label);
    if (in_left && in_right) {
      (in_out ? parts.batch : parts.inner).push_back(label);
    } else if (in_left) {
      (in_out ? parts.rows : parts.inner).push_back(label);
    } else {  // summed over an axis that the left operand has not: copies of it
      (in_out ? parts.columns : parts.inner).push_back(label);
    }
  }
  return parts;
}

std::int64_t size_of_all(const Labels& labels, const Extents& extents) {
  std::int64_t size = 1;
  for (const Label label : labels) size *= extents.at(label);
  return size;
}

Labels followed_by(Labels labels, const Labels& more) {
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

Dimensions shape_of(const Labels& labels, const Extents& extents) {
  Dimensions shape;
  for (const Label label : labels) shape.push_back(extents.at(label));
  return shape;
}

/// The entry of an operand with these strides for each index over `order`.
std::vector<std::int64_t> places(const Labels& order, const Extents& extents, const Strides& strides) {
  const Dimensions shape = shape_of(order, extents);
  std::vector<std::int64_t> source(static_cast<std::size_t>(counted(shape)));
  std::vector<std::int64_t> by;
  for (const Label label : order) by.push_back(strides.contains(label) ? strides.at(label) : 0);
  each_entry(shape, [&](std::int64_t entry, const Dimensions& index) {
    std::int64_t at = 0;
    for (std::size_t i = 0; i < index.size(); ++i) at += by[i] * index[i];
    source[static_cast<std::size_t>(entry)] = at;
  });
  return source;
}

/// The value with its axes in this order.
Value arranged(Builder& builder, const Value& value, const Labels& order, const Extents& extents,
               const Strides& strides) {
  return selected(builder, value, places(order, extents, strides), shape_of(order, extents));
}

/// From axes in `order` to those of the output.
Value to_output(Builder& builder, const Value& value, const Labels& order, const Labels& out, const Extents& extents) {
  Dimensions packed = shape_of(order, extents);
  const Strides strides = strides_of(order, packed);
  return selected(builder, value, places(out, extents, strides), shape_of(out, extents));
}

/// The constant as a matrix of `columns` x `inner` (below each other for each index of the batch).
Tensor constant_matrix(const Known& constant, const Labels& rows, const Labels& inner, const Extents& extents,
                       const Strides& strides) {
  const std::int64_t n = size_of_all(rows, extents), k = size_of_all(inner, extents);
  if (rows.size() <= 1 && inner.size() <= 1 && is_real(constant.values.dtype())) {  // where it lies
    const Tensor compact = constant.values.compact();
    const auto stride = [&](const Labels& labels) {
      return labels.empty() ? 1 : strides.contains(labels[0]) ? strides.at(labels[0]) : 0;
    };
    return Tensor(compact.dtype(), {n, k}, {stride(rows), stride(inner)}, compact.data(), compact.owner());
  }
  const std::vector<double> numbers = constant.numbers();
  std::vector<double> values;
  for (const std::int64_t at : places(followed_by(rows, inner), extents, strides)) {
    values.push_back(numbers[static_cast<std::size_t>(at)]);
  }
  return Tensor::copy_of(values, {n, k});
}

/// Whether `labels` is `middle` with other labels before and after it; then how many come before.
std::optional<std::size_t> place_within(const Labels& labels, const Labels& middle) {
  if (middle.empty()) return std::nullopt;
  const auto at = std::search(labels.begin(), labels.end(), middle.begin(), middle.end());
  if (at == labels.end()) return std::nullopt;
  return static_cast<std::size_t>(at - labels.begin());
}

Labels without_ones(const Labels& labels, const Extents& extents) {
  Labels kept;
  std::ranges::copy_if(labels, std::back_inserter(kept), [&](Label label) { return extents.at(label) != 1; });
  return kept;
}

/// And those of `all` that are not among them.
Labels with_others(Labels labels, const Labels& all) {
  for (const Label label : all) {
    if (!has(labels, label)) labels.push_back(label);
  }
  return labels;
}

/// The order of `labels` in `all`.
Labels in_order_of(const Labels& all, const Labels& labels) {
  Labels kept;
  for (const Label label : all) {
    if (has(labels, label) && !has(kept, label)) kept.push_back(label);
  }
  return kept;
}

/// The axes of x are [before, inner, after] and those of the output [before, columns, after]: I (x) W (x) I.
std::optional<std::pair<std::int64_t, std::int64_t>> sides_of(const Labels& left, const Labels& out, const Parts& parts,
                                                              const Extents& extents) {
  const auto at = place_within(left, parts.inner);
  if (!at || !parts.batch.empty()) return std::nullopt;
  const auto middle = static_cast<std::ptrdiff_t>(*at);
  const Labels before(left.begin(), left.begin() + middle);
  const Labels after(left.begin() + middle + static_cast<std::ptrdiff_t>(parts.inner.size()), left.end());
  if (followed_by(followed_by(before, parts.columns), after) != out) return std::nullopt;
  return std::pair(size_of_all(before, extents), size_of_all(after, extents));
}

}  // namespace

std::map<Label, std::int64_t> extents_of(const Contraction& contraction, const Dimensions& left,
                                         const Dimensions& right) {
  Extents extents;
  add_extents(extents, contraction.left, left);
  add_extents(extents, contraction.right, right);
  for (const Label label : contraction.out) {
    if (!extents.contains(label)) throw RefusedNode{"puts out an axis that no operand has"};
    if (std::ranges::count(contraction.out, label) > 1) throw RefusedNode{"puts out an axis twice"};
  }
  return extents;
}

Value contracted(Builder& builder, const Value& left, const Known& right, const Contraction& contraction) {
  const Extents extents = extents_of(contraction, left.shape, right.values.shape());
  const Strides of_left = strides_of(contraction.left, left.shape);
  const Strides of_right = strides_of(contraction.right, right.values.shape());
  Parts parts = parts_of(contraction, extents, of_left, of_right);
  const Labels own = without_ones(contraction.left, extents);
  const Labels out = without_ones(contraction.out, extents);
  parts.batch = in_order_of(own, parts.batch);
  parts.inner = with_others(in_order_of(own, parts.inner), parts.inner);
  parts.rows = in_order_of(own, parts.rows);
  parts.columns = in_order_of(out, parts.columns);
  const std::int64_t batch = size_of_all(parts.batch, extents), rows = size_of_all(parts.rows, extents);
  const std::int64_t inner = size_of_all(parts.inner, extents), columns = size_of_all(parts.columns, extents);
  const Tensor w = constant_matrix(right, followed_by(parts.batch, parts.columns), parts.inner, extents, of_right);
  const Dimensions shape = shape_of(contraction.out, extents);
  if (const auto sides = sides_of(own, out, parts, extents); sides && of_left.size() == own.size()) {
    const auto [before, after] = *sides;
    return emit_affine(builder, kronecker({identity<double>(before), dense<double>(w), identity<double>(after)}),
                       builder.node_of(left), shape);
  }
  const Value x =
      arranged(builder, left, followed_by(followed_by(parts.batch, parts.inner), parts.rows), extents, of_left);
  const Labels found = followed_by(followed_by(parts.batch, parts.columns), parts.rows);
  Operator<double> map;
  if (parts.batch.empty()) {
    map = kronecker({dense<double>(w), identity<double>(rows)});
  } else {
    const ConvolutionLayer layer{batch * inner,      batch * columns, batch,
                                 PaddingMode::Zeros, false,           {{1, 1, 1, 0, 0, 0}}};
    map = convolution<double>(w.reshaped({batch * columns, inner, 1}), ConvolutionGeometry(layer, {rows}));
  }
  const Value y = emit_affine(builder, std::move(map), builder.node_of(x), shape_of(found, extents));
  return reshaped(builder, to_output(builder, y, found, out, extents), shape);
}

Value contracted(Builder& builder, const Value& left, const Value& right, const Contraction& contraction) {
  const Extents extents = extents_of(contraction, left.shape, right.shape);
  const Strides of_left = strides_of(contraction.left, left.shape);
  const Strides of_right = strides_of(contraction.right, right.shape);
  const Parts parts = parts_of(contraction, extents, of_left, of_right);
  const Value a =
      arranged(builder, left, followed_by(followed_by(parts.batch, parts.rows), parts.inner), extents, of_left);
  const Value b =
      arranged(builder, right, followed_by(followed_by(parts.batch, parts.inner), parts.columns), extents, of_right);
  const Labels found = followed_by(followed_by(parts.batch, parts.rows), parts.columns);
  const MatrixProduct product{size_of_all(parts.batch, extents), size_of_all(parts.rows, extents),
                              size_of_all(parts.inner, extents), size_of_all(parts.columns, extents)};
  const Value y = builder.emit(product, {builder.node_of(a), builder.node_of(b)}, shape_of(found, extents));
  const Value arranged_out = to_output(builder, y, found, without_ones(contraction.out, extents), extents);
  return reshaped(builder, arranged_out, shape_of(contraction.out, extents));
}

}  // namespace sigmax::graph::onnx
