// The box of one node from those of its inputs, by operation. Internal to graph/.
#pragma once

#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"

namespace sigmax::graph {

/// The boxes of a node's inputs.
using Boxes = std::span<const Box* const>;

Box box_of(const Softmax& softmax, const Box& x);
Box box_of(const Reduction& reduction, const Box& x);
Box box_of(const MaxPool& pool, const Box& x);
Box box_of(const Standardization& standardization, const Box& x);
Box box_of(const Sorted& sorted, const Box& x);
Box box_of(const LocalResponse& response, const Box& x);
Box box_of(const MatrixProduct& product, const Box& a, const Box& b);
Box box_of(const Recurrence& recurrence, const Box& x, Context& context);

}  // namespace sigmax::graph
