// Tensors of two dimensions or more that are no linear maps, told by what lies beside them, where they lie, and their
// names.
#pragma once

#include <optional>
#include <string>

#include "sigmax/audit/result.hpp"
#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Why a tensor is no matrix, and how that is known: nothing where it could be none (a vector, an integer).
struct NoMatrix {
  std::string reason;
  std::optional<Evidence> evidence{};
  bool is_weight = false;  ///< it is one, or holds one, all the same: a gate must not pass over it
};

/// Optimizer state, and copies of weights that the checkpoint holds too, of any type. Nothing for any other tensor.
std::optional<NoMatrix> state_of_training(const io::Entry& entry, const Siblings& siblings);

/// Scales and zero points of quantized weights, optimizer state, copies that are averages, rotary caches, masks,
/// position tables that are added, normalization scales, ... Nothing if the tensor may be a weight.
std::optional<NoMatrix> no_weight(const io::Entry& entry, const Siblings& siblings);

}  // namespace sigmax::audit
