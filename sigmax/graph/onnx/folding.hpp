// Constant folding: the outputs of nodes that depend on constants and shapes alone. Internal to graph/.
//
// Integers are folded in 64 bits, those of narrower types too; one that overflows is refused. Entries that only move
// keep their storage type. Real numbers are folded in double from the stored values. Most results are exact: int8 times
// f32, f32 times f32, a sum of powers of two. Each node of which one is not is named by the importer as an assumption:
// the network that is bounded is the one with these constants rounded to double.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

struct Folded {
  std::vector<Value> outputs;
  bool exact = true;  ///< whether every number of the outputs is what real arithmetic gives
};

/// Nothing if the node depends on data, or folding does not know the operator. Throws RefusedNode for operands that the
/// operator does not take.
std::optional<Folded> fold(const Builder& builder);

/// Shape and Size, whose outputs depend on the shape of their operand alone.
std::optional<Folded> fold_shape(const Builder& builder);

/// Elementwise arithmetic, comparisons, reductions and products of matrices; operands are known.
std::optional<Folded> fold_arithmetic(const Builder& builder);

/// Reductions and products of matrices.
std::optional<Folded> fold_sums(const Builder& builder);

}  // namespace sigmax::graph::onnx
