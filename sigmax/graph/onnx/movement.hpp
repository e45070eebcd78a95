// Operators that only move the entries of their first operand: for constants to fold, for data a selection. Internal to
// graph/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

/// y_i = x[source[i]], or with `in_order` y = x under another shape.
struct Movement {
  Dimensions shape;
  bool in_order = false;
  std::vector<std::int64_t> source{};
};

/// What the node does to operand 0, one movement for each output: Reshape, Flatten, Squeeze, Unsqueeze, Transpose,
/// Slice, Split, Gather, GatherElements, Expand, Tile. Nothing for other operators. Throws RefusedNode if shapes or
/// indices depend on data or do not fit.
std::optional<std::vector<Movement>> movements_of(const Builder& builder);

/// Trilu: for each entry of matrices of this shape itself, or -1 where it becomes 0. Throws RefusedNode where the
/// diagonal depends on data.
std::vector<std::int64_t> triangle(const Builder& builder, const Dimensions& shape);

/// The moved entries, in their storage type.
Tensor moved(const Tensor& values, const Movement& movement);

}  // namespace sigmax::graph::onnx
