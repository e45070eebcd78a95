#include "sigmax/io/onnx/protobuf_wire.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sigmax/core/error.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint32_t kLastFieldNumber = (1U << 29) - 1;

}  // namespace

WireCursor::WireCursor(const MappedFile& file, std::span<const std::byte> message, const char* type, int depth)
    : file_(&file), rest_(message), start_(message.data()), type_(type), depth_(depth) {
  if (depth > kMaxDepth) fail(fmt::format("messages nest deeper than {} levels", kMaxDepth));
}

bool WireCursor::next() {
  if (rest_.empty()) return false;
  start_ = rest_.data();
  const std::uint64_t tag = take_varint(rest_);
  const std::uint64_t number = tag >> 3;
  if (number == 0 || number > kLastFieldNumber) fail(fmt::format("field number {} is not valid", number));
  field_ = static_cast<std::uint32_t>(number);
  wire_type_ = static_cast<WireType>(tag & 7);
  switch (wire_type_) {
    case WireType::varint: value_ = take_varint(rest_); return true;
    case WireType::fixed64: std::memcpy(&value_, take(8).data(), 8); return true;
    case WireType::fixed32: {
      std::uint32_t word = 0;
      std::memcpy(&word, take(4).data(), 4);
      value_ = word;
      return true;
    }
    case WireType::bytes: bytes_ = take(take_varint(rest_)); return true;
  }
  fail(fmt::format("field {} has wire type {}, which is not read", field_, tag & 7));
}

std::uint64_t WireCursor::uint64() const {
  if (wire_type_ != WireType::varint) fail(fmt::format("field {} must be an integer", field_));
  return value_;
}

std::span<const std::byte> WireCursor::bytes() const {
  if (wire_type_ != WireType::bytes) fail(fmt::format("field {} must be length-delimited", field_));
  return bytes_;
}

std::string_view WireCursor::text() const {
  const auto span = bytes();
  return {reinterpret_cast<const char*>(span.data()), span.size()};
}

WireCursor WireCursor::message(const char* type) const { return {*file_, bytes(), type, depth_ + 1}; }

std::uint64_t WireCursor::count(WireType element) const {
  if (wire_type_ == element) return 1;
  const auto packed = bytes();
  if (element == WireType::varint) {
    // Each varint ends with its one byte whose top bit is clear.
    if (!packed.empty() && (packed.back() & std::byte{0x80}) != std::byte{0}) {
      fail(fmt::format("field {} ends within a varint", field_));
    }
    return static_cast<std::uint64_t>(
        std::count_if(packed.begin(), packed.end(), [](std::byte b) { return (b & std::byte{0x80}) == std::byte{0}; }));
  }
  const std::size_t width = element == WireType::fixed64 ? 8 : 4;
  if (packed.size() % width != 0) fail_packed(width);
  return packed.size() / width;
}

void WireCursor::fail(std::string problem) const {
  throw FileError(file_->path().string(), fmt::format("{} at byte {}", type_, start_ - file_->bytes().data()),
                  std::move(problem));
}

void WireCursor::fail_packed(std::size_t width) const {
  fail(fmt::format("field {} holds {} bytes, not a multiple of {}", field_, bytes_.size(), width));
}

std::uint64_t WireCursor::take_varint(std::span<const std::byte>& rest) const {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    if (i == rest.size()) fail("a varint is cut off by the end of its message");
    const auto byte = std::to_integer<std::uint64_t>(rest[i]);
    if (i == 9 && byte > 1) break;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest = rest.subspan(i + 1);
      return value;
    }
  }
  fail("a varint is longer than 64 bits");
}

std::span<const std::byte> WireCursor::take(std::uint64_t length) {
  if (length > rest_.size()) {
    fail(fmt::format("field {} takes {} bytes, but its message has only {} left", field_, length, rest_.size()));
  }
  const auto taken = rest_.first(static_cast<std::size_t>(length));
  rest_ = rest_.subspan(taken.size());
  return taken;
}

}  // namespace sigmax::io
