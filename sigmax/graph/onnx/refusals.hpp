// What is known of nodes that have no bound: why, and the shapes of their outputs. Internal to graph/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

/// Why an operator without a rule is refused.
std::string reason_without_rule(const io::ComputationNode& node);

/// The shapes of the outputs, so that the import can go on behind the node; nothing where they are not known.
std::optional<std::vector<Dimensions>> shapes_of_refused(const Builder& builder);

}  // namespace sigmax::graph::onnx
