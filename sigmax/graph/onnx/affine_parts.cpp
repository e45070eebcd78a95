#include "sigmax/graph/onnx/affine_parts.hpp"

#include <algorithm>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph::onnx {

Value emit_affine(Builder& builder, Operator<double> map, Index input, Dimensions shape, std::vector<double> offset,
                  double row_error, std::vector<double> offset_error) {
  const auto is_zero = [](double each) { return each == 0; };
  if (std::ranges::all_of(offset, is_zero)) offset.clear();
  if (std::ranges::all_of(offset_error, is_zero)) offset_error.clear();
  return builder.emit(Affine{std::move(map), std::move(offset), row_error, std::move(offset_error)}, {input},
                      std::move(shape));
}

std::vector<double> spread_numbers(const Value& value, const Dimensions& shape) {
  std::vector<double> numbers = value.known->numbers();
  if (value.shape == shape) return numbers;
  std::vector<double> result;
  for (const std::int64_t at : broadcast_source(value.shape, shape)) {
    result.push_back(numbers[static_cast<std::size_t>(at)]);
  }
  return result;
}

Value spread_value(Builder& builder, const Value& value, const Dimensions& shape) {
  if (value.shape == shape) return value;
  const std::int64_t entries = counted(value.shape);
  const Index node = builder.node_of(value);
  if (entries == counted(shape)) return {shape, std::nullopt, node};  // axes of one entry in front
  return emit_affine(builder, selection<double>(entries, broadcast_source(value.shape, shape)), node, shape);
}

Operator<double> scaling(const std::vector<double>& entries) {
  const auto count = static_cast<std::int64_t>(entries.size());
  const bool uniform = std::ranges::adjacent_find(entries, std::not_equal_to<>()) == entries.end();
  if (uniform && !entries.empty()) {
    return entries[0] == 1 ? identity<double>(count) : scaled(entries[0], identity<double>(count));
  }
  return diagonal<double>(Tensor::copy_of(entries, {count}));
}

Operator<double> repeated(std::int64_t count, Operator<double> map) {
  if (count == 1) return map;
  return kronecker<double>({identity<double>(count), std::move(map)});
}

}  // namespace sigmax::graph::onnx
