// Makes NumPy array files byte by byte for the tests of io/.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "io/test_files.hpp"

namespace sigmax::io::testing {

/// An array file of the given version.
inline std::string file_with(const std::string& header, const std::string& data, int version = 1) {
  const auto length = static_cast<std::uint32_t>(header.size());
  std::string content = "\x93NUMPY";
  content += static_cast<char>(version);
  content += '\0';
  content += version == 1 ? raw(static_cast<std::uint16_t>(length)) : raw(length);
  return content + header + data;
}

/// The dictionary of a header.
inline std::string dictionary(const std::string& type, const std::string& shape, bool fortran = false) {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", type, fortran ? "True" : "False", shape);
}

}  // namespace sigmax::io::testing
