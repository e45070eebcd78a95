// The header of one NumPy array file: a Python dict literal, read without Python. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// NumPy refuses longer headers as well, to keep its own literal parser safe.
inline constexpr std::uint64_t kMaxNpyHeaderBytes = 10'000;

/// No header ends beyond this many bytes of the file.
inline constexpr std::uint64_t kMaxNpyPrefixBytes = 12 + kMaxNpyHeaderBytes;

/// Type, shape and layout of an array. Every field is checked, and the file holds at least `data_bytes` after the
/// header.
struct NpyHeader {
  DType dtype = DType::unknown;
  std::string spelling;                     ///< the type as the file writes it: `<f4`
  std::string unreadable;                   ///< not empty: why the elements cannot be read as numbers
  std::optional<std::uint64_t> item_bytes;  ///< no value where the type does not tell: Python objects, records
  bool opaque = false;  ///< an element may hold arrays of its own: Python objects, records with arrays in them
  bool big_endian = false;
  bool fortran_order = false;
  Dimensions shape;
  std::uint64_t data_offset = 0;  ///< from the start of the array file
  std::uint64_t data_bytes = 0;   ///< all the rest of the file if `item_bytes` is not known
};

bool looks_like_npy(std::span<const std::byte> bytes) noexcept;

/// The header of an array file of `file_bytes` bytes that starts with `prefix`: the whole file or its first
/// kMaxNpyPrefixBytes. Versions 1, 2 and 3. An unknown type (npy_type) is not an error, nor is a header above the
/// limit, which is not parsed: `unreadable` says so. Throws FileError, naming `file` and, if it is not empty, `place`,
/// if the header is malformed or longer than the file, the shape overflows or has more than 64 dimensions, or the data
/// are shorter than type and shape require.
NpyHeader read_npy_header(std::span<const std::byte> prefix, std::uint64_t file_bytes, const MappedFile& file,
                          const std::string& place);

/// Throws FileError as above if the file continues after the array's data.
void check_end(const NpyHeader& header, std::uint64_t file_bytes, const MappedFile& file, const std::string& place);

/// Strides, in elements, of the header's array.
Dimensions strides_of(const NpyHeader& header);

}  // namespace sigmax::io
