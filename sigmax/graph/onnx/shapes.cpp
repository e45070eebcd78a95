#include "sigmax/graph/onnx/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph::onnx {

std::int64_t counted(const Dimensions& shape) {
  const auto count = element_count(shape);
  const auto too_long = [](std::int64_t extent) { return extent > kMostEntries; };  // next to an extent of 0
  if (!count || *count > kMostEntries || std::ranges::any_of(shape, too_long)) {
    throw RefusedNode{
        fmt::format("has a value of shape {}, more entries than an import writes down", to_string(shape))};
  }
  return *count;
}

std::int64_t extent_product(const Dimensions& shape, std::size_t first, std::size_t last) {
  std::int64_t product = 1;
  for (std::size_t axis = first; axis < last; ++axis) product *= shape[axis];
  return product;
}

Dimensions broadcast_shape(const Dimensions& a, const Dimensions& b) {
  Dimensions result(std::max(a.size(), b.size()), 1);
  for (std::size_t back = 1; back <= result.size(); ++back) {
    const std::int64_t left = back <= a.size() ? a[a.size() - back] : 1;
    const std::int64_t right = back <= b.size() ? b[b.size() - back] : 1;
    if (left != right && left != 1 && right != 1) {
      throw RefusedNode{fmt::format("has operands of shapes {} and {}, which do not fit", to_string(a), to_string(b))};
    }
    result[result.size() - back] = left == 1 ? right : left;
  }
  return result;
}

std::vector<std::int64_t> broadcast_source(const Dimensions& from, const Dimensions& to) {
  Dimensions strides(to.size(), 0);
  const Dimensions own = row_major_strides(from);
  for (std::size_t back = 1; back <= from.size(); ++back) {
    const std::size_t axis = from.size() - back;
    if (from[axis] != 1) strides[to.size() - back] = own[axis];
  }
  std::vector<std::int64_t> source(static_cast<std::size_t>(counted(to)));
  each_entry(to, [&](std::int64_t entry, const Dimensions& index) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) at += index[axis] * strides[axis];
    source[static_cast<std::size_t>(entry)] = at;
  });
  return source;
}

std::size_t axis_of(std::int64_t axis, std::size_t rank) {
  const auto axes = static_cast<std::int64_t>(rank);
  if (axis < -axes || axis >= axes) {
    throw RefusedNode{fmt::format("names axis {} of a value with {} axes", axis, rank)};
  }
  return static_cast<std::size_t>(axis < 0 ? axis + axes : axis);
}

std::vector<std::size_t> axes_of(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<std::size_t> result;
  result.reserve(axes.size());
  for (const std::int64_t each : axes) result.push_back(axis_of(each, rank));
  std::ranges::sort(result);
  if (std::ranges::adjacent_find(result) != result.end()) throw RefusedNode{"names an axis twice"};
  return result;
}

std::vector<std::int64_t> with_axes_last(const Dimensions& shape, const std::vector<std::size_t>& last) {
  std::vector<std::size_t> order;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (!std::ranges::binary_search(last, axis)) order.push_back(axis);
  }
  order.insert(order.end(), last.begin(), last.end());
  const Dimensions strides = row_major_strides(shape);
  Dimensions turned;
  for (const std::size_t axis : order) turned.push_back(shape[axis]);
  std::vector<std::int64_t> source(static_cast<std::size_t>(counted(turned)));
  each_entry(turned, [&](std::int64_t entry, const Dimensions& index) {
    std::int64_t at = 0;
    for (std::size_t k = 0; k < order.size(); ++k) at += index[k] * strides[order[k]];
    source[static_cast<std::size_t>(entry)] = at;
  });
  return source;
}

Dimensions reduced_shape(const Dimensions& shape, const std::vector<std::size_t>& axes, bool keeps) {
  Dimensions result;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const bool reduced = std::ranges::binary_search(axes, axis);
    if (!reduced) result.push_back(shape[axis]);
    if (reduced && keeps) result.push_back(1);
  }
  return result;
}

}  // namespace sigmax::graph::onnx
