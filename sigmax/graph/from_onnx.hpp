// A network's graph from an ONNX model.
#pragma once

#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/import_options.hpp"
#include "sigmax/io/computation.hpp"

namespace sigmax::graph {

/// The network that the model computes, in real arithmetic on the constants that the file stores: what the storage
/// types of the values in between round is not part of it.
///
/// What depends on constants and shapes alone is folded, an `If` with a constant condition becomes its branch, and
/// Dropout and BatchNormalization are those of inference. Weights become operators over the stored tensors. Nodes from
/// which no output depends are left out.
///
/// Each node that is not Lipschitz, depends on data in a way that has no bound, or is not known, becomes a Refused node
/// with the reason; the nodes after it are imported as far as their shapes are known.
///
/// The first axis of an input, if its size is open, and any open axis that the file calls a batch are set to 1, which
/// is recorded as an assumption. Any other open size must be in options.input_shapes. Inputs of integers, such as a
/// sampling rate, need a value in options.input_values. Recorded too are the nodes whose
/// folded constants are not exact in double.
///
/// Throws Error for an input of unknown shape (the message names the input, its shape in the file and the option to
/// set), and for options that name no input or contradict the file; FileError if a constant cannot be read.
Graph from_onnx(const io::Computation& computation, const ImportOptions& options = {});

}  // namespace sigmax::graph
