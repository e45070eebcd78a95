// What a file spells out in several nodes and is one operation. Internal to graph/.
#pragma once

#include "sigmax/graph/graph.hpp"

namespace sigmax::graph {

/// The graph with each value that is computed entry by entry from one other value, in more than one way (x *
/// sigmoid(x)) or through functions that are not Lipschitz alone (log(1 + e^x)), as one Elementwise node. Nodes that
/// are no longer needed are still there.
///
/// The new function is the composition of those of the nodes, with the constants that they have; where a node's own
/// constant is known to a row_error only, it is an interval of all those that it may be. So the graph has the same
/// values in exact arithmetic, and what is proven of the function holds for the file's. A function whose values are
/// those of a usual one to 1e-6 gets its name (`Gelu`); nothing else follows from the name.
///
/// A local response normalization is found in its quotient (local_responses.hpp).
///
/// A standardization takes the diagonal map and the offset that follow it, where they are exact, as its own.
///
/// A composition that is not Lipschitz on the whole line is taken too, for the sake of bounded domains.
Graph recognized(Graph graph);

}  // namespace sigmax::graph
