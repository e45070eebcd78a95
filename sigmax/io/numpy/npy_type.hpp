// NumPy's names of element types, as array files spell them. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sigmax/core/dtype.hpp"

namespace sigmax::io {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The meaning of a spelling.
struct NpyType {
  DType dtype = DType::unknown;
  std::optional<std::uint64_t> item_bytes;  ///< no value if the spelling does not say how long an element is
  bool big_endian = false;
  std::string unreadable;  ///< not empty: why the elements cannot be read as numbers
  bool opaque = false;     ///< an element may hold arrays of its own
};

/// The type that numpy.dtype() makes of `spelling` on 64-bit Linux: a code with a width (`<f4`, `|u1`, `>c16`), a
/// letter for a C type (`<d`, `f`, `?`, `l`), or a name (`float32`, `half`, `intp`). Text, dates, Python objects, raw
/// bytes, extended precision, records, and spellings that are not a NumPy type have `unreadable`.
NpyType npy_type(std::string_view spelling);

}  // namespace sigmax::io
