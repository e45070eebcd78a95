// Values under other shapes, and what rules of moving and linear operators share. Internal to graph/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

/// At least the relative error of `roundings` numbers that are rounded to double once each and multiplied, and of its
/// inverse: for Affine::row_error.
double rounding_error(std::int64_t roundings);

/// The same entries under another shape: no node is needed.
Value reshaped(Builder& builder, const Value& value, Dimensions shape);

/// y_i = x[source[i]], or offset[i] where source[i] is -1; `offset` may be empty: zeros. No node where this is the
/// value itself.
Value selected(Builder& builder, const Value& value, std::vector<std::int64_t> source, Dimensions shape,
               std::vector<double> offset = {});

/// The operand, which must be there and may not be computed from the network's input. Throws RefusedNode that calls it
/// by `what` otherwise.
const Known& known_operand(const Builder& builder, std::size_t index, const char* what);

}  // namespace sigmax::graph::onnx
