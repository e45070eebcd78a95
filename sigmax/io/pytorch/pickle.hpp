// A Python pickle read as plain data: a tree of values, with nothing imported, called or built. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// The kind of one value of a pickle.
enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,      ///< fits in 64 bits
  big_integer,  ///< does not; text() holds its digits or its little-endian two's complement
  real,
  text,
  bytes,
  list,
  tuple,
  set,
  dict,           ///< items() alternates keys and values, in the order written, overwritten keys included
  global,         ///< a name, `module.attribute`: never looked up
  call,           ///< the result that a class or function would make of arguments: never called
  persistent_id,  ///< a value that the writer kept outside the pickle; items() holds the one value that identifies it
};

/// One pickle, as a graph of values that refer to each other by number.
///
/// The opcodes of protocols 0 to 5 that checkpoints use are understood; all others are refused. Values are kept in flat
/// arrays, so that depth costs no stack, and values that the pickle shares stay shared: memory is proportional to the
/// bytes read, however the values are nested. A value may contain itself; code that walks the graph must mark where it
/// has been.
class Pickle {
 public:
  using Id = std::uint32_t;

  /// Stands for a part that a call does not have; its kind is `none`.
  static constexpr Id kAbsent = 0;

  /// The parts of a call; parts that the pickle does not give are kAbsent.
  struct Call {
    Id callable = kAbsent;  ///< a global, or whatever else the pickle put there
    Id args = kAbsent;      ///< a tuple from the pickle; two parts, positional and named, if both were given
    Id state = kAbsent;     ///< the argument for __setstate__ or the contents of __dict__
    Id entries = kAbsent;   ///< a dict of the items set on the result: OrderedDict and similar classes
    Id elements = kAbsent;  ///< a list of the values appended or added to the result
  };

  /// Reads one pickle, starting at byte `offset` of `file`. `place` names it in messages.
  ///
  /// Throws FileError naming the place, the byte and the opcode for a pickle that is cut short, uses an opcode outside
  /// the list, takes from an empty stack, recalls a value that was never memoized, or holds more than 2^24 values.
  static Pickle read(std::shared_ptr<const MappedFile> file, std::size_t offset, std::string place);

  Id root() const noexcept { return root_; }

  /// The file that texts and bytes point into.
  const std::shared_ptr<const MappedFile>& file() const noexcept { return file_; }

  /// The byte of the file after the last byte of the pickle.
  std::size_t end() const noexcept { return end_; }

  /// The number of bytes of the pickle.
  std::size_t length() const noexcept { return end_ - begin_; }

  /// Number of values: every Id is below it.
  std::size_t size() const noexcept { return nodes_.size(); }

  PickleKind kind(Id id) const noexcept { return nodes_[id].kind; }
  bool is(Id id, PickleKind kind) const noexcept { return nodes_[id].kind == kind; }

  /// The value of a boolean (0 or 1) or an integer; 0 for every other kind.
  std::int64_t integer(Id id) const noexcept;

  /// The value of a real, an integer or a boolean; 0 for every other kind.
  double real(Id id) const noexcept;

  /// The bytes of a text, of bytes or of a big integer, as they lie in the file (a text is not checked to be UTF-8);
  /// empty for every other kind.
  std::string_view text(Id id) const noexcept { return nodes_[id].text; }

  /// The values of a list, tuple, set, dict or persistent id; empty for every other kind.
  std::span<const Id> items(Id id) const noexcept;

  /// items(id)[index], kAbsent if there are fewer.
  Id item(Id id, std::size_t index) const noexcept;

  /// The parts of a call; all absent for every other kind.
  Call call(Id id) const noexcept;

  /// True for the global `module.attribute`.
  bool is_global(Id id, std::string_view module, std::string_view attribute) const noexcept;

  /// The two halves of a global's name; empty for every other kind.
  std::string_view global_module(Id id) const noexcept;
  std::string_view global_attribute(Id id) const noexcept;

  /// The value of the key `key` in a dict, the last one written; kAbsent if there is no such key. Linear in the dict's
  /// size.
  Id find(Id dict, std::string_view key) const noexcept;

 private:
  friend class PickleMachine;

  struct Node {
    PickleKind kind = PickleKind::none;
    std::uint32_t count = 0;     // number of the container's values in pool_
    std::uint32_t capacity = 0;  // the room that pool_ keeps for them
    union {
      std::int64_t integer = 0;
      double real;
      std::uint64_t first;  // index of the first value in pool_
    };
    std::string_view text;
  };

  std::span<const Id> values(Id id) const noexcept { return {pool_.data() + nodes_[id].first, nodes_[id].count}; }

  std::shared_ptr<const MappedFile> file_;
  std::vector<Node> nodes_;
  std::vector<Id> pool_;
  Id root_ = kAbsent;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace sigmax::io
