// A strict cursor over the protobuf wire format in a mapped file: without schema, copies or allocation. Internal to
// io/.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// How a field is laid out. Groups (3 and 4) are refused: no format that sigmax reads has ever had them.
enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// Walks the fields of one message. The bytes must lie inside `file`, which the cursor does not keep alive.
///
/// Every function throws FileError, naming the message's type and the byte in the file, if a varint is longer than 64
/// bits, a length reaches past the end of its message, a field number is 0, a wire type is not one of WireType, a field
/// is asked for as something that it is not, or messages nest deeper than kMaxDepth.
class WireCursor {
 public:
  static constexpr int kMaxDepth = 256;

  /// `type` is the name of the message in error messages; it must outlive the cursor.
  WireCursor(const MappedFile& file, std::span<const std::byte> message, const char* type, int depth = 0);

  /// Moves to the next field and checks all of it; false at the end of the message.
  bool next();

  std::uint32_t field() const noexcept { return field_; }
  WireType wire_type() const noexcept { return wire_type_; }
  int depth() const noexcept { return depth_; }

  /// The current field's value as the protobuf type of that name.
  std::uint64_t uint64() const;
  std::int64_t int64() const { return static_cast<std::int64_t>(uint64()); }
  std::int32_t int32() const { return static_cast<std::int32_t>(static_cast<std::uint32_t>(uint64())); }
  std::span<const std::byte> bytes() const;
  std::string_view text() const;

  /// A cursor over the current field as an embedded message.
  WireCursor message(const char* type) const;

  /// Calls visit(std::uint64_t) for each element of a repeated varint field, packed or not.
  template <class Visit>
  void each_varint(Visit visit) const {
    if (wire_type_ == WireType::varint) return visit(value_);
    std::span<const std::byte> rest = bytes();
    while (!rest.empty()) visit(take_varint(rest));
  }

  /// Calls visit(std::uint32_t or std::uint64_t), the bit pattern, for each element of a repeated fixed-width field.
  template <class Visit>
  void each_fixed32(Visit visit) const {
    each_fixed<std::uint32_t>(WireType::fixed32, visit);
  }
  template <class Visit>
  void each_fixed64(Visit visit) const {
    each_fixed<std::uint64_t>(WireType::fixed64, visit);
  }

  /// Number of elements that the current field adds to a repeated field, if its elements have the wire type `element`.
  std::uint64_t count(WireType element) const;

  /// Refuses the file at the current field.
  [[noreturn]] void fail(std::string problem) const;

 private:
  template <class Word, class Visit>
  void each_fixed(WireType element, Visit visit) const {
    if (wire_type_ == element) return visit(static_cast<Word>(value_));
    const std::span<const std::byte> packed = bytes();
    if (packed.size() % sizeof(Word) != 0) fail_packed(sizeof(Word));
    for (std::size_t i = 0; i < packed.size(); i += sizeof(Word)) {
      Word word;
      std::memcpy(&word, packed.data() + i, sizeof(Word));
      visit(word);
    }
  }

  std::uint64_t take_varint(std::span<const std::byte>& rest) const;
  std::span<const std::byte> take(std::uint64_t length);
  [[noreturn]] void fail_packed(std::size_t width) const;

  const MappedFile* file_;
  std::span<const std::byte> rest_;
  const std::byte* start_;  // start of the current field, or of the message before the first next()
  const char* type_;
  int depth_;
  std::uint32_t field_ = 0;
  WireType wire_type_ = WireType::varint;
  std::uint64_t value_ = 0;           // for a varint or fixed-width field
  std::span<const std::byte> bytes_;  // for a length-delimited field
};

static_assert(std::endian::native == std::endian::little, "fixed-width fields are read as they lie in the file");

}  // namespace sigmax::io
