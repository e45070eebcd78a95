// The matrix of an operation along one axis, exact, and its operator. Internal to graph/.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/onnx/rule.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::graph::onnx {

/// Rows of rational numbers: averages, interpolations and sums have them.
struct AxisMatrix {
  /// The sum of numerator e_column / divisor. A column may occur more than once: its numerators are added.
  struct Row {
    std::vector<std::pair<std::int64_t, std::int64_t>> entries;  ///< (column, numerator)
    std::int64_t divisor = 1;                                    ///< not 0
  };
  std::int64_t columns = 0;
  std::vector<Row> rows;
};

/// M = (I + D) A, D diagonal: the entries of a row of A have the same relative error, that of `roundings` numbers
/// rounded to double (rounding_error() in linear_parts.hpp).
struct AxisOperator {
  Operator<double> map;
  std::int64_t roundings = 0;
};

/// The most entries of a matrix that is stored whole.
inline constexpr std::int64_t kMostStored = std::int64_t{1} << 22;

/// An identity, a selection, a matrix, or a diagonal times a matrix of integers. A matrix of more than `most_stored`
/// entries is a sum of weighted selections, one for each entry of its longest row. Throws RefusedNode if a numerator or
/// a divisor exceeds 2^53, or if such a matrix has more than 64 entries in a row.
AxisOperator axis_operator(const AxisMatrix& matrix, std::int64_t most_stored = kMostStored);

/// The value with these matrices along its axes; none: the axis is left alone. Their columns are the extents.
Value along_axes(Builder& builder, const Value& value, const std::vector<std::optional<AxisMatrix>>& matrices);

}  // namespace sigmax::graph::onnx
