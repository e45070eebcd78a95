// NumPy's array files: one array a file, or several one after another. Internal to io/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/numpy/npy_header.hpp"

namespace sigmax::io {

bool looks_like_npy(const MappedFile& file) noexcept;

/// The file's array, named by the file's stem. Fortran order becomes strides; big-endian elements are swapped into a
/// copy on load. Text, dates, raw bytes, extended precision, Python objects, records and types of unknown name are
/// listed with `unreadable`.
///
/// If numpy.save is called several times on one open file, it writes arrays one after another. Those after the first
/// are `appended` and named `stem[1]`, `stem[2]` and so on, and `notes` says so. After an array whose `item_bytes` is
/// unknown, no further array is looked for. Throws FileError as read_npy_header does, and if the bytes after an array
/// do not begin another one.
std::vector<Entry> read_npy(const std::shared_ptr<const MappedFile>& file, std::vector<std::string>* notes = nullptr);

/// The tensor of an array file whose header is `header`. Throws FileError naming `tensor`.
Tensor load_npy(const std::shared_ptr<const MappedFile>& array_file, const NpyHeader& header,
                const std::string& tensor);

/// An entry with name, type, shape and reason, but without bytes and load().
Entry describe_npy(const NpyHeader& header, std::string name);

}  // namespace sigmax::io
