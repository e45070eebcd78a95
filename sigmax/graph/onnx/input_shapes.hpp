// The sizes of a network's inputs. Internal to graph/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/import_options.hpp"
#include "sigmax/io/computation.hpp"

namespace sigmax::graph::onnx {

/// Text from a file for messages: control characters replaced by `?`, and cut.
std::string printable(std::string_view text);

/// Throws Error if the options name something that is not an input.
void require_inputs_exist(const io::Computation& computation, const ImportOptions& options);

/// The shape of an input; appends to `assumptions` what it takes for granted. Throws Error as from_onnx() does.
Dimensions input_shape(const io::ComputationValue& input, const ImportOptions& options,
                       std::vector<std::string>& assumptions);

}  // namespace sigmax::graph::onnx
