#include "sigmax/io/zip/zip_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kMost16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint64_t kVersionPlain = 20;
constexpr std::uint64_t kVersionZip64 = 45;
constexpr std::uint64_t kUtf8Flag = 1 << 11;
constexpr std::uint64_t kStored = 0;
constexpr std::uint64_t kFirstOfJanuary1980 = (1 << 5) | 1;
constexpr std::uint64_t kZip64Extra = 1;

std::string little_endian(std::uint64_t value, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

std::string u16(std::uint64_t value) { return little_endian(value, 2); }
std::string u32(std::uint64_t value) { return little_endian(value, 4); }
std::string u64(std::uint64_t value) { return little_endian(value, 8); }

// The value itself, or all ones, which refer the reader to the zip64 record.
std::string capped16(std::uint64_t value) { return u16(std::min(value, kMost16)); }
std::string capped32(std::uint64_t value) { return u32(std::min(value, kMost32)); }

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The fields that local and central header share, from "version needed" to the length of the extra field.
std::string common_fields(const StoredMember& member, std::size_t extra_bytes, bool zip64) {
  if (member.name.size() > kMost16) {
    throw Error(fmt::format("[zip] the name {} has {} bytes; a member's has at most {}", in_quotes(member.name),
                            member.name.size(), kMost16));
  }
  return u16(zip64 ? kVersionZip64 : kVersionPlain) + u16(is_ascii(member.name) ? 0 : kUtf8Flag) + u16(kStored) +
         u16(0) + u16(kFirstOfJanuary1980) + u32(member.crc) + capped32(member.bytes) + capped32(member.bytes) +
         u16(member.name.size()) + u16(extra_bytes);
}

std::string zip64_extra(const std::string& content) {
  return content.empty() ? content : u16(kZip64Extra) + u16(content.size()) + content;
}

}  // namespace

std::string local_header(const StoredMember& member) {
  const bool large = member.bytes >= kMost32;
  const std::string extra = zip64_extra(large ? u64(member.bytes) + u64(member.bytes) : std::string());
  return "PK\3\4" + common_fields(member, extra.size(), large) + member.name + extra;
}

std::string central_header(const StoredMember& member) {
  // The fields that hold all ones, in this order.
  std::string content;
  if (member.bytes >= kMost32) content += u64(member.bytes) + u64(member.bytes);
  if (member.offset >= kMost32) content += u64(member.offset);
  const std::string extra = zip64_extra(content);
  const std::string no_comment_disk_or_attributes = u16(0) + u16(0) + u16(0) + u32(0);
  return "PK\1\2" + u16(kVersionZip64) + common_fields(member, extra.size(), !extra.empty()) +
         no_comment_disk_or_attributes + capped32(member.offset) + member.name + extra;
}

std::string end_of_archive(std::uint64_t members, std::uint64_t directory_bytes, std::uint64_t directory_offset) {
  std::string end;
  if (members >= kMost16 || directory_bytes >= kMost32 || directory_offset >= kMost32) {
    constexpr std::uint64_t kRestOfRecord = 44;
    end = "PK\6\6" + u64(kRestOfRecord) + u16(kVersionZip64) + u16(kVersionZip64) + u32(0) + u32(0) + u64(members) +
          u64(members) + u64(directory_bytes) + u64(directory_offset);
    end += "PK\6\7" + u32(0) + u64(directory_offset + directory_bytes) + u32(1);
  }
  return end + "PK\5\6" + u16(0) + u16(0) + capped16(members) + capped16(members) + capped32(directory_bytes) +
         capped32(directory_offset) + u16(0);
}

}  // namespace sigmax::io
