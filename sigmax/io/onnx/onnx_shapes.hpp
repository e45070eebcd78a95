// The shapes of the values that a graph makes from constants by moving their elements. Internal to io/.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"
#include "sigmax/io/onnx/onnx_parameters.hpp"

namespace sigmax::io::onnx {

/// The shape of each of flow.values(): the shape of a constant, and what Identity, Cast, Transpose, Reshape, Flatten,
/// Squeeze, Unsqueeze and the quantizing nodes make of it if their own parameters are constants, and what operators
/// that work entry by entry make of several; no value if the shape is not known. One pass over the nodes, which a valid
/// model lists in the order in which they run.
std::vector<std::optional<Dimensions>> constant_shapes(const Model& model, const Dataflow& flow);

}  // namespace sigmax::io::onnx
