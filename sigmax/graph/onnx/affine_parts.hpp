// What rules of linear operators have in common. Internal to graph/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/graph/onnx/rule.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::graph::onnx {

/// The bound of the relative error of one rounding in double, and a little more.
inline constexpr double kRounding = 0x1p-53 * (1 + 0x1p-50);

/// A node y = A x + offset.
Value emit_affine(Builder& builder, Operator<double> map, Index input, Dimensions shape,
                  std::vector<double> offset = {}, double row_error = 0, std::vector<double> offset_error = {});

/// The numbers of a known value, broadcast to a shape.
std::vector<double> spread_numbers(const Value& value, const Dimensions& shape);

/// A value broadcast to a shape: itself, or a node that copies its entries.
Value spread_value(Builder& builder, const Value& value, const Dimensions& shape);

/// diag(d): a multiple of the identity where all entries are equal.
Operator<double> scaling(const std::vector<double>& entries);

/// `map` on each of `count` parts of a vector.
Operator<double> repeated(std::int64_t count, Operator<double> map);

}  // namespace sigmax::graph::onnx
