// Writes NumPy array files: .npy.
#pragma once

#include <filesystem>
#include <string>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::io {

/// Writes one array of any shape as .npy version 1.0, row-major (C order), little-endian, its data aligned to 64 bytes
/// like NumPy's own. Types: f64, f32, f16, integers, bool and complex.
///
/// The file is written whole or not at all (io/bytes/atomic_file.hpp). Throws Error for a type that NumPy does not have
/// (such as bf16) or more than 32 dimensions; FileError, which names `path`, if it cannot be written; Canceled.
void write_npy(const std::filesystem::path& path, const Tensor& tensor, Context& context);

/// As above, on every hardware thread.
inline void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  Context context;
  write_npy(path, tensor, context);
}

/// The bytes before the data: magic bytes, version, and the Python dict literal with type and shape. `who` begins the
/// message of an Error.
std::string npy_preamble(const Tensor& tensor, std::string_view who);

}  // namespace sigmax::io
