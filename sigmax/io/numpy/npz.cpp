#include "sigmax/io/numpy/npz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/numpy/npy.hpp"

namespace sigmax::io {
namespace {

constexpr std::string_view kSuffix = ".npy";

std::string place_of(const ZipMember& member) { return fmt::format("archive member {}", in_quotes(member.name)); }

// As numpy.load names it.
std::string name_of(const ZipMember& member) {
  std::string name = member.name;
  if (name.size() > kSuffix.size() && name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
  return name;
}

Entry unreadable_entry(const MappedFile& file, const ZipMember& member, std::string name, std::string reason) {
  Entry entry;
  entry.name = std::move(name);
  entry.unreadable = std::move(reason);
  entry.bytes = ByteRange{file.path(), member.offset, member.stored_bytes};
  return entry;
}

// The member's bytes, of which a checksum is compared once, when they are first loaded: later loads trust it.
std::function<Tensor()> loader_of(const std::shared_ptr<const MappedFile>& file, const ZipMember& member,
                                  const NpyHeader& header, std::string tensor) {
  return [file, member, header, tensor = std::move(tensor), checked = std::make_shared<std::atomic<bool>>(false)] {
    if (!checked->load()) {
      check_stored_bytes(*file, member);
      checked->store(true);
    }
    return load_npy(read_zip_member(file, member), header, tensor);
  };
}

Entry entry_of(const std::shared_ptr<const MappedFile>& file, const ZipMember& member) {
  std::vector<std::byte> inflated;
  std::span<const std::byte> prefix;
  if (!member.unreadable.empty()) {
    Entry entry = unreadable_entry(*file, member, name_of(member), member.unreadable);
    entry.opaque = true;
    return entry;
  }
  if (member.compressed) {
    // As many bytes as a header may take: the array must be identified without inflating the rest.
    inflated = read_zip_prefix(*file, member, kMaxNpyPrefixBytes);
    prefix = inflated;
  } else {
    prefix = file->bytes().subspan(member.offset, member.stored_bytes);
  }
  if (!looks_like_npy(prefix)) {
    Entry entry = unreadable_entry(*file, member, member.name,
                                   "not an array: the archive member does not start with NumPy's magic bytes");
    entry.opaque = member.name.ends_with(kSuffix) && member.bytes > 0;  // damaged, perhaps
    return entry;
  }
  const NpyHeader header = read_npy_header(prefix, member.bytes, *file, place_of(member));
  check_end(header, member.bytes, *file, place_of(member));
  Entry entry = describe_npy(header, name_of(member));
  const std::uint64_t skipped = member.compressed ? 0 : header.data_offset;
  entry.bytes = ByteRange{file->path(), member.offset + skipped, member.stored_bytes - skipped};
  if (entry.unreadable.empty()) entry.load = loader_of(file, member, header, entry.name);
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
