// Reads every value that the entries of a fuzzed file offer, so that a wrong address is noticed.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::io::fuzz {

inline void require(bool truth) {
  if (!truth) std::abort();
}

/// Loads each entry and reads all its bytes. An entry may refuse to load with FileError, but it must keep what it
/// promises.
inline void touch(const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    require(static_cast<bool>(entry.load) == entry.unreadable.empty());
    require(element_count(entry.shape).has_value());
    if (!entry.load) continue;
    try {
      const Tensor tensor = entry.load();
      require(tensor.shape() == entry.shape && tensor.dtype() == entry.dtype);
      if (tensor.size() == 0) continue;
      std::size_t reach = 1;
      for (std::size_t d = 0; d < tensor.rank(); ++d) {
        reach += static_cast<std::size_t>((tensor.shape()[d] - 1) * tensor.strides()[d]);
      }
      volatile unsigned sum = 0;
      for (std::size_t i = 0; i < reach * size_of(tensor.dtype()); ++i) {
        sum = sum + std::to_integer<unsigned>(tensor.data()[i]);
      }
    } catch (const FileError&) {
    }
  }
}

}  // namespace sigmax::io::fuzz
