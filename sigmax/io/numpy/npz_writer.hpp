// Writes NumPy archives: several arrays in one .npz.
#pragma once

#include <filesystem>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/io/bytes/tensor_bytes.hpp"

namespace sigmax::io {

/// Writes each tensor as the member `<name>.npy` of a zip archive, uncompressed, as numpy.savez does: numpy.load
/// returns them under their names. Types and shapes are those of write_npy. Equal tensors give equal bytes.
///
/// Each tensor is read twice, the first time for its checksum. The file is written whole or not at all
/// (io/bytes/atomic_file.hpp). Throws Error for a name that is empty, given twice or not UTF-8, and for what write_npy
/// refuses; FileError, which names `path`, if it cannot be written; Canceled.
void write_npz(const std::filesystem::path& path, std::span<const OutputTensor> tensors, Context& context);

/// As above, on every hardware thread.
inline void write_npz(const std::filesystem::path& path, std::span<const OutputTensor> tensors) {
  Context context;
  write_npz(path, tensors, context);
}

}  // namespace sigmax::io
