// Quantized weights and what goes with them, recognized by the tensors next to each other. Internal to audit/.
#pragma once

#include <optional>

#include "sigmax/audit/roles/no_weight.hpp"
#include "sigmax/audit/roles/siblings.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::audit {

/// Scales, zero points and codebooks of quantized weights. A codebook (`centroids.weight`, `lut`, `lookup_table`) is
/// one if there are integers next to it that may index it. Nothing for any other tensor.
std::optional<NoMatrix> companion_of_a_quantized_weight(const io::Entry& entry, const Siblings& siblings);

/// A tensor of real numbers that are not numbers: codes, kept under a real type so that programs move them around like
/// weights. Known by what goes with codes alone: `weight.quant_map` next to `weight` (bitsandbytes), a scale next to
/// `W_q` or `qweight`. It is a weight that is not read.
std::optional<NoMatrix> packed_weight(const io::Entry& entry, const Siblings& siblings);

/// True if a codebook lies next to integers that may index it.
bool has_codebook(const io::Entry& entry, const Siblings& siblings);

/// True if the module has the scale of a `weight` and no `weight`: the codes go by another name.
bool has_scale_of_a_missing_weight(const io::Entry& entry, const Siblings& siblings);

}  // namespace sigmax::audit
