// Small files of several formats, and what the tests ask of the checkpoint that they make.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/test_files.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::io::testing {

// A safetensors file of one-element f32 tensors, each with its given value.
inline std::string safetensors(const std::vector<std::pair<std::string, float>>& tensors) {
  std::string header = "{", data;
  for (const auto& [name, value] : tensors) {
    header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}})", data.empty() ? "" : ",",
                          name, data.size(), data.size() + 4);
    data += raw(value);
  }
  header += "}";
  return raw(std::uint64_t{header.size()}) + header + data;
}

inline std::string npy(float value) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
  return std::string("\x93NUMPY\1\0", 8) + raw(static_cast<std::uint16_t>(header.size())) + header + raw(value);
}

inline const std::string kOnnx("\x08\x08\x3A\x00", 4);        // IR version 8, an empty graph
inline const std::string kEmptyPickle("\x80\x02}q\x00.", 6);  // an empty dictionary
inline const std::string kLegacyMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);

inline std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const Entry& entry : checkpoint.entries) names.push_back(entry.name);
  return names;
}

inline double value_of(const Entry& entry) { return entry.load().at(std::vector<std::int64_t>{0}); }

using Names = std::vector<std::string>;

// The files that were not read though they may hold weights, as `name: reason`.
inline Names unread_of(const Checkpoint& checkpoint) {
  Names all;
  for (const UnreadFile& file : checkpoint.unread_files)
    all.push_back(file.path.filename().string() + ": " + file.reason);
  return all;
}

}  // namespace sigmax::io::testing
