#include "sigmax/io/numpy/npz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/numpy/npy.hpp"

namespace sigmax::io {
namespace {

constexpr std::string_view kSuffix = ".npy";

std::string place_of(const ZipMember& member) { return fmt::format("archive member {}", in_quotes(member.name)); }

Entry entry_of(const std::shared_ptr<const MappedFile>& file, const ZipMember& member) {
  std::vector<std::byte> inflated;
  std::span<const std::byte> prefix;
  if (!member.unreadable.empty()) {
    Entry entry;
    entry.name = member.name;
    entry.unreadable = member.unreadable;
    entry.bytes = ByteRange{file->path(), member.offset, member.stored_bytes};
    return entry;
  }
  if (member.compressed) {
    // As many bytes as a header may take: the array must be identified without inflating the rest.
    inflated = read_zip_prefix(*file, member, kMaxNpyPrefixBytes);
    prefix = inflated;
  } else {
    prefix = file->bytes().subspan(member.offset, member.stored_bytes);
  }
  std::string name = member.name;
  if (!looks_like_npy(prefix)) {
    Entry entry;
    entry.name = std::move(name);
    entry.unreadable = "not an array: the archive member does not start with NumPy's magic bytes";
    entry.bytes = ByteRange{file->path(), member.offset, member.stored_bytes};
    return entry;
  }
  if (name.size() > kSuffix.size() && name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
  const NpyHeader header = read_npy_header(prefix, member.bytes, *file, place_of(member));
  check_end(header, member.bytes, *file, place_of(member));
  Entry entry = describe_npy(header, std::move(name));
  const std::uint64_t skipped = member.compressed ? 0 : header.data_offset;
  entry.bytes = ByteRange{file->path(), member.offset + skipped, member.stored_bytes - skipped};
  if (entry.unreadable.empty()) {
    entry.load = [file, member, header, tensor = entry.name] {
      return load_npy(read_zip_member(file, member), header, tensor);
    };
  }
  return entry;
}

}  // namespace

bool is_npz_archive(const std::vector<ZipMember>& members) {
  return members.empty() || std::any_of(members.begin(), members.end(),
                                        [](const ZipMember& member) { return member.name.ends_with(kSuffix); });
}

std::vector<Entry> read_npz(const std::shared_ptr<const MappedFile>& file, const std::vector<ZipMember>& members) {
  std::vector<Entry> entries;
  for (const ZipMember& member : members) {
    if (member.name.ends_with('/') && member.bytes == 0) continue;
    entries.push_back(entry_of(file, member));
  }
  return entries;
}

}  // namespace sigmax::io
