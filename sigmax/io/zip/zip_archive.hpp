// The bytes of members of a zip archive in a mapped file: PyTorch checkpoints and npz files. Internal to io/.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/zip/zip_directory.hpp"

namespace sigmax::io {

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
