// The shapes of the values of an ONNX graph. Internal to io/.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// The shape of each of flow.values(): what the graph states about its inputs and its values, and what follows from it
/// through convolutions, pooling, operators that work entry by entry, Concat, Split, Pad, Resize, Slice, Reshape and
/// the like, as far as their parameters are constants. Where a statement contradicts what follows, neither is believed.
/// No value if not even the number of axes is known, or if there are more than eight. One pass over the nodes, which a
/// valid model lists in the order in which they run; the bodies of functions are not followed.
std::vector<std::optional<Dimensions>> value_shapes(const Model& model, const Dataflow& flow);

}  // namespace sigmax::io::onnx
