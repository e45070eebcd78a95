#include "sigmax/io/zip/zip_archive.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace sigmax::io {
namespace {

void check_readable(const MappedFile& file, const ZipMember& member) {
  const std::uint64_t size = file.bytes().size();
  if (member.offset > size || member.stored_bytes > size - member.offset) {
    refuse_member(file, member.name, "its bytes reach past the end of the file");
  }
  if (!member.unreadable.empty()) refuse_member(file, member.name, member.unreadable);
}

// Called before memory is allocated for the member.
void check_claim(const MappedFile& file, const ZipMember& member) {
  if (member.bytes > largest_claim(member.method, member.stored_bytes)) {
    refuse_member(file, member.name,
                  fmt::format("claims that {} compressed bytes inflate to {}: no {} stream can", member.stored_bytes,
                              member.bytes, member.method == Compression::deflate ? "deflate" : "honest"));
  }
}

std::string problem_of(Decompressed::End end, std::uint64_t claimed) {
  switch (end) {
    case Decompressed::End::exact: return "";
    case Decompressed::End::more: return fmt::format("inflates to more than the {} bytes claimed", claimed);
    case Decompressed::End::less: return fmt::format("inflates to less than the {} bytes claimed", claimed);
    case Decompressed::End::damaged: return "its compressed data are damaged or cut short";
    case Decompressed::End::leftover: return "has bytes behind the end of its compressed data";
  }
  return "";
}

void check_crc(const MappedFile& file, const ZipMember& member, std::span<const std::byte> bytes) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (crc != member.crc) refuse_member(file, member.name, "its checksum does not match its bytes");
}

std::span<const std::byte> stored_bytes(const MappedFile& file, const ZipMember& member) {
  return file.bytes().subspan(static_cast<std::size_t>(member.offset), static_cast<std::size_t>(member.stored_bytes));
}

}  // namespace

std::shared_ptr<const MappedFile> read_zip_member(const std::shared_ptr<const MappedFile>& file,
                                                  const ZipMember& member) {
  check_readable(*file, member);
  if (!member.compressed) {
    return file->subfile(static_cast<std::size_t>(member.offset), static_cast<std::size_t>(member.stored_bytes));
  }
  check_claim(*file, member);
  Decompressed result = decompress(member.method, stored_bytes(*file, member), member.bytes, member.end_marked);
  if (result.end != Decompressed::End::exact) {
    refuse_member(*file, member.name, problem_of(result.end, member.bytes));
  }
  check_crc(*file, member, result.bytes);
  return MappedFile::from_bytes(file->path(), std::move(result.bytes));
}

void check_stored_bytes(const MappedFile& file, const ZipMember& member) {
  check_readable(file, member);
  if (member.compressed) return;
  check_crc(file, member, stored_bytes(file, member));
}

std::vector<std::byte> read_zip_prefix(const MappedFile& file, const ZipMember& member, std::size_t count) {
  check_readable(file, member);
  const auto stored = stored_bytes(file, member);
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, member.bytes));
  if (!member.compressed) return {stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(count)};
  Decompressed result = decompress_prefix(member.method, stored, member.bytes, count, member.end_marked);
  if (result.end != Decompressed::End::exact) refuse_member(file, member.name, problem_of(result.end, member.bytes));
  return std::move(result.bytes);
}

}  // namespace sigmax::io
