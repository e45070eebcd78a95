// The records of a zip archive of stored members (APPNOTE 6.3.10), with zip64 where a number needs it. Internal to io/.
//
//     archive = (local_header(m) bytes of m)*  central_header(m)*  end_of_archive
#pragma once

#include <cstdint>
#include <string>

namespace sigmax::io {

/// A member that is stored uncompressed. All members have the same date, 1980-01-01: equal content gives equal
/// archives.
struct StoredMember {
  std::string name;          ///< UTF-8
  std::uint64_t bytes = 0;   ///< at most 2^63
  std::uint32_t crc = 0;     ///< CRC-32 of the bytes
  std::uint64_t offset = 0;  ///< offset of its local header in the file
};

/// Comes directly before the member's bytes. Throws Error if the name is longer than 65535 bytes.
std::string local_header(const StoredMember& member);

/// The member's entry in the directory at the end.
std::string central_header(const StoredMember& member);

/// The end of an archive whose directory of `members` entries takes `directory_bytes` at `directory_offset`.
std::string end_of_archive(std::uint64_t members, std::uint64_t directory_bytes, std::uint64_t directory_offset);

}  // namespace sigmax::io
