// Local response normalization that a file spells out. Internal to graph/.
#pragma once

#include "sigmax/graph/graph.hpp"

namespace sigmax::graph {

/// Makes a LocalResponse of each x / (k + A (x o x))^beta where A is the sum over a window of channels (axis 1 of x)
/// times one number: torch's LocalResponseNorm, whose A is a padding, an average and a factor. Only for windows of an
/// odd size: those of an even one lie on the other side in torch. Nodes that are no longer needed are still there.
void find_local_responses(Graph& graph);

}  // namespace sigmax::graph
