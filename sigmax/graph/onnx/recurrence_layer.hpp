// A recurrent node of ONNX: its extents and one direction of it. Internal to graph/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

/// ONNX's extents of one node.
struct RecurrentLayer {
  Recurrence::Kind kind;
  std::int64_t steps, batch, width, hidden, directions;
  bool steps_first;  ///< x is [steps, batch, width], not [batch, steps, width]
  std::string direction;

  bool is_backward(std::int64_t d) const { return direction == "reverse" || d == 1; }
};

/// Y, Y_h and Y_c of the node step by step, from the states that operands 5 and 6 give (absent: zero), each gate a node
/// of its own. `directions`: one Recurrence for each, whose weights are used. Throws RefusedNode if there are too many
/// steps.
std::vector<Value> step_by_step(Builder& builder, const RecurrentLayer& layer,
                                const std::vector<Recurrence>& directions);

}  // namespace sigmax::graph::onnx
