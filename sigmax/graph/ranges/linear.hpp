// The image of a box under a linear operator. Internal to graph/ and lipschitz/.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::graph {

/// A box that holds A x (A^T x with `adjoint`) for all x in the box. The operator is the exact one, composed as its
/// structure says; an opaque one gives the whole space.
Box image(const LinearOperator<double>& a, const Box& x, bool adjoint, Context& context);

}  // namespace sigmax::graph
