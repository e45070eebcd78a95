// A walk over a JSON text of an untrusted file, event by event, without building a tree. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// A number, string, boolean or null.
struct JsonValue {
  const char* kind;                     ///< `a string`, `an integer`, ...: for messages
  std::optional<std::uint64_t> number;  ///< if it is an integer in [0, 2^64)
  std::string* text = nullptr;          ///< if it is a string; may be moved from
  bool truth = false;                   ///< if it is a boolean
};

/// What a reader of one kind of document does at each event, in document order. `depth` counts the open objects and
/// arrays: 0 for the document's own value; a key has the depth of its value. Members may throw FileError.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void open(bool object, int depth) = 0;
  virtual void close(int depth) = 0;
  virtual void key(std::string&& name, int depth) = 0;
  virtual void value(JsonValue value, int depth) = 0;
};

/// For read_json() of documents whose own fields nest less deeply: the deepest that fields which are skipped may nest.
inline constexpr int kDeepestJson = 64;

/// Parses `text`, which is part of `file` and described by `place` in messages, as one JSON value in UTF-8. Takes as
/// much memory as the longest string. The caller must refuse duplicate keys.
///
/// Throws FileError if the text is not JSON or nests deeper than `max_depth`.
void read_json(const MappedFile& file, const std::string& place, std::string_view text, int max_depth,
               JsonEvents& events);

}  // namespace sigmax::io
