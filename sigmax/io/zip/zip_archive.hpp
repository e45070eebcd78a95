// Members of a zip archive in a mapped file: PyTorch checkpoints and npz files. Internal to io/.
#pragma once

#include <cstddef>
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

/// The member's bytes: a mapping of the file for a stored member, a decompressed copy for a compressed one. A claim
/// above largest_claim() is refused before anything is allocated, and a stream that yields more than its claim is
/// refused as soon as it does. The CRC of compressed members is checked, that of stored ones is not:
/// check_stored_bytes(). Throws FileError.
std::shared_ptr<const MappedFile> read_zip_member(const std::shared_ptr<const MappedFile>& file,
                                                  const ZipMember& member);

/// Throws FileError if the CRC of a stored member is not that of its bytes. Reads them all. For a compressed member
/// read_zip_member() does it.
void check_stored_bytes(const MappedFile& file, const ZipMember& member);

/// The first `count` bytes of the member, or all if it has fewer. The rest is not read, so the CRC is not checked.
/// Throws FileError.
std::vector<std::byte> read_zip_prefix(const MappedFile& file, const ZipMember& member, std::size_t count);

}  // namespace sigmax::io
