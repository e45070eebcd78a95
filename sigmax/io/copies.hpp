// One model twice: hubs keep it as safetensors and as PyTorch files side by side. Internal to io/.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// Of the entries from `first` on, those of PyTorch files are left out that a safetensors file has too: under the same
/// name, with the same shape, type and values, bit for bit. What differs is another model's, or the same in another
/// precision, and stays. A note says for each file what was left out and what differs; a file of which nothing is left
/// is taken from `checkpoint.files`.
///
/// Tensors for which `compares`, if there is one, says false are left out without a look at their values, and the note
/// says so.
///
/// Cost: one read of both tensors up to the first difference; memory for one tensor where its strides are not those of
/// rows, or where it is compressed. Throws FileError as load() does.
void leave_out_copies(Checkpoint& checkpoint, std::size_t first,
                      const std::function<bool(const std::string&)>& compares);

}  // namespace sigmax::io
