// Which values of an ONNX model a graph computes from its constants alone, and from which inputs. Internal to io/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// For each of flow.values(): true of constants and of what nodes make of constants alone, in the bodies of functions
/// too where every call gives constants. Random numbers, and what If, Loop and Scan give out, are not constant.
///
/// Cost: one visit a node and an input.
std::vector<bool> constant_values(const Model& model, const Dataflow& flow);

/// How many leading inputs of a node give numbers to its output: none for Shape, the table alone for Gather, all for
/// Mul. The others are shapes, indices and axes.
std::uint32_t number_inputs(const Node& node);

/// For each of flow.values(): true of constants with two axes longer than 1 and a type in which weights are stored, and
/// of what nodes make of their numbers. One pass over the nodes in their order.
std::vector<bool> values_of_matrices(const Model& model, const Dataflow& flow);

}  // namespace sigmax::io::onnx
