// A recurrent layer as a graph of its steps. Internal to graph/ and lipschitz/.
#pragma once

#include "sigmax/graph/graph.hpp"

namespace sigmax::graph {

/// The same function of [steps, width] to [steps, hidden], from a zero state, as linear maps, functions, products and
/// sums, gate by gate (the equations are in evaluate/recurrence.cpp): for what bounds such nodes better than a
/// recurrence as one. A dozen nodes a step. The result shares the weights. Throws Error if the layer has no steps.
Graph unrolled(const Recurrence& recurrence);

}  // namespace sigmax::graph
