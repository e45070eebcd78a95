// Results are to be believed only if the file that they came from stayed as it was.
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

/// The same for the mapped file that the tensor's bytes lie in; nothing if they lie in none. Of a tensor that load()
/// copied the file was checked when it was copied.
void check_intact(const Tensor& tensor);

/// What body() returns, once it is known that `source`, a MappedFile or a Tensor, stayed as it was. If it did not, the
/// FileError of check_intact() takes the place of the result, and of an error that the changed bytes may have led to.
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

/// Makes the entry's load(), if it has one, throw FileError unless `file`, which describes the entry or which load()
/// copies from, stayed as it was, and the file that the values lie in, which may be another one.
void demand_intact(Entry& entry, const std::shared_ptr<const MappedFile>& file);

}  // namespace sigmax::io
