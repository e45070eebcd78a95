// The directory of a zip archive: which members it has, and where. Internal to io/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/zip/decompress.hpp"

namespace sigmax::io {

/// One member of an archive, as its central directory describes it and as its local header confirms.
struct ZipMember {
  std::string name;
  std::uint64_t offset = 0;        ///< offset of the member's (compressed) bytes in the file
  std::uint64_t stored_bytes = 0;  ///< compressed size
  std::uint64_t bytes = 0;         ///< uncompressed size, as the directory claims
  bool compressed = false;         ///< otherwise stored
  Compression method = Compression::stored;
  bool end_marked = false;      ///< an LZMA stream that ends with a marker
  std::uint32_t crc = 0;        ///< CRC-32 of the uncompressed bytes, as the directory claims
  std::string unreadable = {};  ///< not empty: why its bytes cannot be read (method or encryption)
};

/// True if the file starts with a local header or an empty archive's end record.
bool looks_like_zip(const MappedFile& file) noexcept;

/// The directory of the archive, zip64 included, in directory order. Every byte of the file belongs to a member (its
/// local header, its data and the record that may follow them), to the directory, to the records that end it or to the
/// archive's comment; zeros between members are padding. This refuses two archives one after another, of which a reader
/// that trusts the last one's records would see only one. A member is `unreadable` if it is encrypted, is compressed by
/// a method that `Compression` does not list, or has the same name as another.
///
/// Throws FileError for anything malformed: bytes that belong to nothing, sizes or offsets outside the file, members
/// that overlap, names with NUL.
std::vector<ZipMember> read_zip_directory(const std::shared_ptr<const MappedFile>& file);

/// The member of that name; null if there is none.
const ZipMember* find_member(const std::vector<ZipMember>& members, std::string_view name);

/// `<root>/` of the first member whose name is `<root>/` followed by `rest`; no value if there is none.
std::optional<std::string> root_folder(const std::vector<ZipMember>& members, std::string_view rest);

/// Throws the FileError for a problem with the member of that name.
[[noreturn]] void refuse_member(const MappedFile& file, const std::string& name, std::string problem);

}  // namespace sigmax::io
