// The same model twice: hubs keep it as safetensors and as PyTorch files side by side. Internal to io/.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// Removes, from the entries from `first` on, tensors of PyTorch files that a safetensors file also has: under the same
/// name, with the same shape, type and values, bit for bit. Tensors that differ belong to another model, or to the same
/// one in another precision, and stay. A note for each file says what was left out and what differs; a file with
/// nothing left is removed from `checkpoint.files`.
///
/// If `compares` is given and returns false for a tensor, the tensor is left out without comparing values, and the note
/// says so.
///
/// Cost: one read of both tensors up to the first difference; memory for one tensor if its strides are not row-major or
/// it is compressed. Throws FileError as load() does.
void leave_out_copies(Checkpoint& checkpoint, std::size_t first,
                      const std::function<bool(const std::string&)>& compares);

}  // namespace sigmax::io
