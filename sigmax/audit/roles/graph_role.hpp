// Which matrix a tensor is by the operators of a graph that consume it: the strongest evidence there is. Internal to
// audit/.
#pragma once

#include <optional>
#include <variant>

#include "sigmax/audit/matrix_plan.hpp"
#include "sigmax/audit/roles/no_weight.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// The first use as a linear map decides; embeddings come before other uses. A tensor is not a matrix if every use is
/// known not to be a linear map (added or multiplied entry by entry, scales, biases, statistics). Nothing if the graph
/// does not use the tensor, or uses it in operators that are not known here.
///
/// A reshape keeps the order of the elements: where its extents do not nest with those of the tensor, the layout is
/// that of the graph's shape (Layout::view). A tensor that reaches a product otherwise (through operators that change
/// its entries, reshaped twice around a transposition, to a shape that is not constant) is a weight that is not read.
///
/// Axes follow the operator's definition, through the Transpose nodes on the way:
///   Conv [out, in / groups, kernel...], ConvTranspose [in, out / groups, kernel...], Gemm and MatMul by the side,
///   LSTM, GRU and RNN [directions, gates, in], Gather and embeddings [entries, width], Einsum by its equation. A
///   tensor of 3 dimensions or more that Gather takes matrices from, for a product, is a stack of them.
std::optional<std::variant<MatrixPlan, NoMatrix>> graph_role(const io::Entry& entry);

/// What graph_role() says of a tensor of one dimension that the graph reshapes to a matrix and multiplies with, or
/// computes one from. Nothing for other vectors: those that stay one, as a row or a column, and those that only take
/// part in what is computed from a matrix.
std::optional<std::variant<MatrixPlan, NoMatrix>> vector_role(const io::Entry& entry);

}  // namespace sigmax::audit
