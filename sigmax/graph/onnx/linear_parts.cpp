#include "sigmax/graph/onnx/linear_parts.hpp"

#include <fmt/format.h>

#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph::onnx {

// (1 + u)^n - 1 and 1 - (1 - u)^n, and the inverses, for n u < 1/4.
double rounding_error(std::int64_t roundings) { return 2 * static_cast<double>(roundings) * kRounding; }

Value reshaped(Builder& builder, const Value& value, Dimensions shape) {
  return {std::move(shape), std::nullopt, builder.node_of(value)};
}

Value selected(Builder& builder, const Value& value, std::vector<std::int64_t> source, Dimensions shape,
               std::vector<double> offset) {
  const std::int64_t inputs = element_count(value.shape).value_or(0);
  SelectedEntries entries(inputs, std::move(source));
  const bool all = entries.is_range() && entries.size() == inputs;
  if (all && offset.empty()) return reshaped(builder, value, std::move(shape));
  Operator<double> map =
      all ? identity<double>(inputs) : selection<double>(std::make_shared<const SelectedEntries>(std::move(entries)));
  return emit_affine(builder, std::move(map), builder.node_of(value), std::move(shape), std::move(offset));
}

const Known& known_operand(const Builder& builder, std::size_t index, const char* what) {
  const Value* value = builder.operand(index);
  if (value == nullptr) throw RefusedNode{fmt::format("has no {}", what)};
  if (!value->known) throw RefusedNode{fmt::format("computes its {} from the input", what)};
  return *value->known;
}

}  // namespace sigmax::graph::onnx
