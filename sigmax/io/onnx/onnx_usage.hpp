// Which operators consume each weight of an ONNX model. Internal to io/.
#pragma once

#include <vector>

#include "sigmax/io/entry.hpp"
#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// Distinct kinds of consumer that are kept for one value; as many again of what is computed from it.
inline constexpr std::size_t kMaxUsages = 16;

/// The consumers of each of model.weights, found through nodes that move, cast or dequantize their input (Identity,
/// Transpose, Reshape, Concat, DequantizeLinear, ...), into and out of the bodies of If, Loop and Scan, and into
/// model-local functions. Equal usages are listed once. What a Gather takes from a weight is
/// followed too, marked so, and so is what nodes compute from constants alone, or from a constant for the input of an
/// operator that is always a weight. `changes` says of each node whether it computes although it looks like one that
/// only moves (Roundings::changes).
///
/// Cost: at most kMaxUsages visits of each edge of the graph, with or without cycles. Throws FileError if a `group`
/// attribute is not positive.
std::vector<std::vector<Usage>> find_usages(const Model& model, const Dataflow& flow, const std::vector<bool>& changes);

}  // namespace sigmax::io::onnx
