// What the operators of ONNX do with their inputs. Internal to audit/.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/io/entry.hpp"

namespace sigmax::audit {

/// Which linear map an input is. `right` is W in x W, `left` in W x.
enum class Map : std::uint8_t {
  convolution,
  transposed_convolution,
  left,
  right,
  experts,
  recurrent,
  embedding,
  einsum
};

/// The map that the operator's definition makes of this input; nothing for other inputs and operators.
std::optional<Map> map_of(const io::Usage& use);

/// True of an input that is known to be no linear map: of an operator that has none (scales, statistics, tables of
/// angles), and the other inputs of one that has.
bool is_no_map(const io::Usage& use);

/// True of an operator that adds, multiplies or compares entry by entry.
bool is_entrywise(const io::Usage& use);

}  // namespace sigmax::audit
