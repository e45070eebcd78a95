// A result can be trusted only if the file that it came from did not change.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// MappedFile::check_intact().
void check_intact(const MappedFile& file);

/// Does the same for the mapped file that the tensor's bytes lie in, and nothing if they lie in none. If load() copied
/// the tensor, its file was checked at that time.
void check_intact(const Tensor& tensor);

/// Returns the result of body() once it is known that `source`, a MappedFile or a Tensor, did not change. If it did,
/// the FileError of check_intact() replaces the result, or the error that the changed bytes may have led to.
template <class Source, class Body>
auto while_intact(const Source& source, const Body& body) {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      check_intact(source);
    } else {
      auto result = body();
      check_intact(source);
      return result;
    }
  } catch (const Canceled&) {
    throw;
  } catch (...) {
    check_intact(source);
    throw;
  }
}

/// Wraps the entry's load(), if it has one, so that it throws FileError if a file has changed: `file`, which describes
/// the entry or which load() copies from, or the file that the values lie in, which may be another one.
void demand_intact(Entry& entry, const std::shared_ptr<const MappedFile>& file);

}  // namespace sigmax::io
