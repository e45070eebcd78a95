// Which operators consume each weight of an ONNX model. Internal to io/.
#pragma once

#include <vector>

#include "sigmax/io/entry.hpp"
#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// Number of distinct kinds of consumer that are kept for one value.
inline constexpr std::size_t kMaxUsages = 16;

/// The consumers of each of model.weights, found through nodes that move, cast or dequantize their input (Identity,
/// Transpose, Reshape, Concat, DequantizeLinear, ...), into and out of the bodies of If, Loop and Scan, and into
/// model-local functions. Equal usages are listed once. Entries that a Gather takes from a weight are followed too, and
/// marked as such.
///
/// Cost: at most kMaxUsages visits of each edge of the graph, with or without cycles. Throws FileError if a `group`
/// attribute is not positive.
std::vector<std::vector<Usage>> find_usages(const Model& model, const Dataflow& flow);

}  // namespace sigmax::io::onnx
