// Writes safetensors files.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "sigmax/core/context.hpp"
#include "sigmax/io/bytes/tensor_bytes.hpp"

namespace sigmax::io {

/// The `__metadata__` of a file: text by name.
using Metadata = std::map<std::string, std::string>;

/// Writes the tensors as one safetensors file. The header is padded with blanks to a multiple of 8 bytes, and the
/// tensors with the widest elements come first, so that every element is aligned; among equals, the given order is
/// kept. Accepts any type of whole bytes that the format has a name for: f64, f32, f16, bf16, integers, bool, the 8-bit
/// floats, c64.
///
/// The file is written whole or not at all (io/bytes/atomic_file.hpp). Throws Error for a name that is empty, given
/// twice, not UTF-8 or `__metadata__`, for metadata that are not UTF-8, for a type that the format does not have, and
/// for a header above the format's limit of 100 MB; FileError, which names `path`, if it cannot be written; Canceled.
void write_safetensors(const std::filesystem::path& path, std::span<const OutputTensor> tensors,
                       const Metadata& metadata, Context& context);

/// As above, on every hardware thread.
inline void write_safetensors(const std::filesystem::path& path, std::span<const OutputTensor> tensors,
                              const Metadata& metadata) {
  Context context;
  write_safetensors(path, tensors, metadata, context);
}

}  // namespace sigmax::io
