// Functions of one number that differ from entry to entry. Internal to graph/.
#pragma once

#include <vector>

#include "sigmax/graph/graph.hpp"

namespace sigmax::graph::onnx {

/// make(parameters[i]) for entry i, made once for each parameter.
Elementwise functions_of(const std::vector<double>& parameters, Function (*make)(double));

}  // namespace sigmax::graph::onnx
