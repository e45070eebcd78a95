// A role that the user gives a tensor, against all evidence.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sigmax/audit/matrix_plan.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// A role with a layout, as it is written.
struct AssumedRole {
  enum class Kind {
    skip,
    dense,                    ///< `dense` [out, in, in...]
    dense_in_out,             ///< `dense_in_out` [in..., out]
    convolution,              ///< `convolution:G` [out, in / G, kernel...]
    transposed_convolution,   ///< `transposed_convolution:G` [in, out / G, kernel...]
    channels_last,            ///< `channels_last:G` [kernel..., in / G, out]
    depthwise_channels_last,  ///< `depthwise_channels_last` [kernel..., in, multiplier]
    recurrent,                ///< `recurrent` [gates out, in]
    embedding,                ///< `embedding` [entries, width...]
    expert_stack,             ///< `expert_stack` [stack..., out, in]
    expert_stack_in_out,      ///< `expert_stack_in_out` [stack..., in, out]
  };
  Kind kind = Kind::dense;
  std::int64_t groups = 1;
};

/// Reads `convolution:4`. Throws Error that names the roles for any other text.
AssumedRole parse_assumed_role(std::string_view text);

/// The plan; nothing for `skip`. Throws Error if the tensor has too few dimensions for the role, or channels that the
/// groups do not divide.
std::optional<MatrixPlan> plan_of(const AssumedRole& role, const io::Entry& entry);

}  // namespace sigmax::audit
