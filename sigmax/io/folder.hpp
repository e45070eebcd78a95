// What lies in the folder of a model beside its weights, and which files hold the same weights again. Internal to io/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// True of a file name that says no weights are in it: configurations, tokenizers, read-me files, licenses, source,
/// pictures. That such a file was not read is not worth a note.
bool is_companion(std::string_view name);

/// True of a file name that ends as those of the formats that are read do: `.safetensors`, `.bin`, `.pt`, `.onnx`, ...
bool is_named_like_weights(std::string_view name);

/// The names that are missing of files that call themselves parts of a whole, `model-00002-of-00003.safetensors`; of
/// each whole no more than kMostMissing.
std::vector<std::string> missing_shards(const std::vector<std::string>& names);
inline constexpr std::size_t kMostMissing = 8;

/// Hubs keep one model as safetensors and as PyTorch files side by side. Of the entries from `first` on, those of
/// PyTorch files whose name and shape a safetensors file has too are left out, with a note for each file; a file of
/// which nothing is left is taken from `checkpoint.files`.
void leave_out_copies(Checkpoint& checkpoint, std::size_t first);

/// A note where several files hold tensors of the same names and shapes: an audit counts each of them.
void note_repeated_tensors(Checkpoint& checkpoint);

}  // namespace sigmax::io
