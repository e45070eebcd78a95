// Members of a zip archive in a mapped file: PyTorch checkpoints and npz files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sigmax/io/mapped_file.hpp"

namespace sigmax::io {

/// One member of an archive, as its central directory describes it and as its local header confirms.
struct ZipMember {
  std::string name;
  std::uint64_t offset = 0;        ///< of the member's (compressed) bytes in the file
  std::uint64_t stored_bytes = 0;  ///< compressed size
  std::uint64_t bytes = 0;         ///< uncompressed size, as the directory claims
  bool compressed = false;         ///< deflated; otherwise stored
  std::uint32_t crc = 0;           ///< CRC-32 of the uncompressed bytes, as the directory claims
};

/// True if the file starts with a local header or an empty archive's end record.
bool looks_like_zip(const MappedFile& file) noexcept;

/// The directory of the archive, zip64 included, in directory order. Throws FileError for anything malformed: sizes or
/// offsets outside the file, members that overlap, two members of one name, encryption, methods other than stored and
/// deflated, names with NUL.
std::vector<ZipMember> read_zip_directory(const std::shared_ptr<const MappedFile>& file);

/// The member's bytes: a mapping of the file for a stored member, an inflated copy for a compressed one. Inflation
/// stops with FileError as soon as it yields more than the directory claims, and a claim above 1032 times the
/// compressed size (deflate's limit) is refused before anything is allocated. The CRC of compressed members is checked.
std::shared_ptr<const MappedFile> read_zip_member(const std::shared_ptr<const MappedFile>& file,
                                                  const ZipMember& member);

}  // namespace sigmax::io
