// Tensors of two dimensions or more that are not linear maps, recognized by their neighbors, their place and their
// names.
#pragma once

#include <optional>
#include <string>

#include "sigmax/audit/result.hpp"
#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Why a tensor is not a matrix, and the evidence for it; none is needed for a vector or an integer.
struct NoMatrix {
  std::string reason;
  std::optional<Evidence> evidence{};
  bool is_weight = false;  ///< it is one, or holds one, all the same: a gate must not ignore it
};

/// Scales, zero points and codebooks of quantized weights, optimizer state, copies that are averages, rotary caches,
/// masks, position tables that are added, normalization scales, ... Nothing if the tensor may be a weight.
std::optional<NoMatrix> no_weight(const io::Entry& entry, const Siblings& siblings);

}  // namespace sigmax::audit
