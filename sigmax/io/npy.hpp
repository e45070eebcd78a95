// NumPy's array files: one array a file, or a zip archive of them.
#pragma once

#include <memory>
#include <vector>

#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/mapped_file.hpp"
#include "sigmax/io/npy_header.hpp"

namespace sigmax::io {

bool looks_like_npy(const MappedFile& file) noexcept;

/// The file's one array, named by the file's stem. Fortran order becomes strides; big-endian elements are swapped into
/// a copy on load; text, dates, raw bytes and extended precision are listed with `unreadable`. Throws FileError as
/// read_npy_header does, and for Python objects and structured types, of which nothing can be listed.
std::vector<Entry> read_npy(const std::shared_ptr<const MappedFile>& file);

/// The tensor of an array file whose header is `header`. Throws FileError naming `tensor`.
Tensor load_npy(const std::shared_ptr<const MappedFile>& array_file, const NpyHeader& header,
                const std::string& tensor);

/// An entry with name, type, shape and reason, but without bytes and load.
Entry describe_npy(const NpyHeader& header, std::string name);

}  // namespace sigmax::io
