#include "sigmax/io/zip/zip_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <numeric>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kLocalHeaderBytes = 30, kDirectoryRecordBytes = 46, kEndRecordBytes = 22;
constexpr std::uint64_t kZip64LocatorBytes = 20, kZip64EndRecordBytes = 56, kZip64LengthFrom = 12;
constexpr std::string_view kLocalHeader{"PK\3\4"}, kDirectoryRecord{"PK\1\2"}, kEndRecord{"PK\5\6"};
constexpr std::string_view kDescriptor{"PK\x07\x08"};
constexpr std::string_view kZip64EndRecord{"PK\6\6"}, kZip64Locator{"PK\6\7"};
constexpr std::uint32_t kInZip64 = 0xffffffff;  // stands for a value that the zip64 field holds
constexpr std::uint16_t kZip64Field = 1;
constexpr std::uint16_t kEncrypted = 1, kSizesFollow = 8;  // flags
constexpr std::uint16_t kEndMarked = 2;                    // flag of LZMA members

constexpr const char* kSeveralArchives =
    "there are two archives one after another, to be split (a .distcp file of torch.distributed.checkpoint is "
    "read with its folder), or the archive is damaged";

[[noreturn]] void refuse(const MappedFile& file, std::string place, std::string problem) {
  throw FileError(file.path().string(), std::move(place), std::move(problem));
}

bool bytes_at(const MappedFile& file, std::uint64_t offset, std::string_view expected) noexcept {
  const auto bytes = file.bytes();
  return offset <= bytes.size() && expected.size() <= bytes.size() - offset &&
         std::memcmp(bytes.data() + offset, expected.data(), expected.size()) == 0;
}

// Reads the file's little-endian integers and refuses to read outside of it.
class Reader {
 public:
  explicit Reader(const MappedFile& file) : file_(file) {}

  std::uint16_t u16(std::uint64_t at) const { return static_cast<std::uint16_t>(integer(at, 2)); }
  std::uint32_t u32(std::uint64_t at) const { return static_cast<std::uint32_t>(integer(at, 4)); }
  std::uint64_t u64(std::uint64_t at) const { return integer(at, 8); }

  std::string_view text(std::uint64_t at, std::uint64_t count) const {
    const auto bytes = file_.bytes();
    if (at > bytes.size() || count > bytes.size() - at) {
      refuse(file_, "zip directory", fmt::format("{} bytes at byte {} reach past the end of the file", count, at));
    }
    return {reinterpret_cast<const char*>(bytes.data()) + at, static_cast<std::size_t>(count)};
  }

 private:
  std::uint64_t integer(std::uint64_t at, unsigned width) const {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const char c : text(at, width)) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << shift;
      shift += 8;
    }
    return value;
  }

  const MappedFile& file_;
};

// Where the directory lies and how many members it describes.
struct End {
  std::uint64_t members = 0;
  std::uint64_t offset = 0;  // of the directory
  std::uint64_t limit = 0;   // one past it: where the end record starts
};

// Sizes and place of a member, as given by a local header or a directory record.
struct Extent {
  std::uint64_t bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t header = 0;  // offset of the local header; only directory records know it
};

// Reads the directory and compares every local header with it, since programs differ in which of the two they believe.
//
// Hand-written rather than left to minizip: the version in use takes 0xffffffff as a size and not as a reference to the
// zip64 field (it compares with a 64-bit -1), so that no archive above 4 GiB opens, and it does not compare names.
class DirectoryReader {
 public:
  explicit DirectoryReader(const MappedFile& file) : file_(file), read_(file), size_(file.bytes().size()) {}

  std::vector<ZipMember> read() {
    const End end = find_end();
    if (end.members > (end.limit - end.offset) / kDirectoryRecordBytes) {
      refuse(file_, "zip directory",
             fmt::format("claims {} members, more than its {} bytes can hold", end.members, end.limit - end.offset));
    }
    std::vector<ZipMember> members;
    members.reserve(end.members);
    std::uint64_t at = end.offset;
    for (std::uint64_t i = 0; i < end.members; ++i) members.push_back(read_record(at, end.limit));
    if (at != end.limit) {
      refuse(file_, "zip directory",
             fmt::format("{} bytes follow the last of its {} records", end.limit - at, end.members));
    }
    check_names(members);
    check_cover(members, end.offset);
    return members;
  }

 private:
  // A comment may follow the record, which tells its length: only a record whose comment ends with the file is the end.
  std::uint64_t find_end_record() const {
    constexpr std::uint64_t kLongestComment = 0xffff;
    if (size_ >= kEndRecordBytes) {
      const std::uint64_t last = size_ - kEndRecordBytes;
      for (std::uint64_t back = 0; back <= std::min(last, kLongestComment); ++back) {
        if (bytes_at(file_, last - back, kEndRecord) && read_.u16(last - back + 20) == back) return last - back;
      }
    }
    refuse(file_, "zip directory", "no end record: the archive is cut short or damaged");
  }

  End find_end() const {
    const std::uint64_t record = find_end_record();
    End end{read_.u16(record + 10), read_.u32(record + 16), record};
    std::uint64_t bytes = read_.u32(record + 12);
    bool one_disk = read_.u16(record + 4) == read_.u16(record + 6) && read_.u16(record + 8) == read_.u16(record + 10);
    if (record >= kZip64LocatorBytes && bytes_at(file_, record - kZip64LocatorBytes, kZip64Locator)) {
      end.limit = read_.u64(record - kZip64LocatorBytes + 8);
      if (end.limit > record - kZip64LocatorBytes || !bytes_at(file_, end.limit, kZip64EndRecord)) {
        refuse(file_, "zip directory", fmt::format("no zip64 end record at byte {}: {}", end.limit, kSeveralArchives));
      }
      // The record tells its own length. A record elsewhere belongs to another archive in the same file.
      const std::uint64_t rest = record - kZip64LocatorBytes - end.limit;
      if (rest < kZip64EndRecordBytes || read_.u64(end.limit + 4) != rest - kZip64LengthFrom) {
        refuse(file_, "zip directory",
               fmt::format("the zip64 end record at byte {} does not adjoin its locator at byte {}: {}", end.limit,
                           record - kZip64LocatorBytes, kSeveralArchives));
      }
      one_disk = read_.u32(end.limit + 16) == read_.u32(end.limit + 20) &&
                 read_.u64(end.limit + 24) == read_.u64(end.limit + 32);
      end.members = read_.u64(end.limit + 32);
      bytes = read_.u64(end.limit + 40);
      end.offset = read_.u64(end.limit + 48);
    }
    if (!one_disk) refuse(file_, "zip directory", "one part of an archive in several parts cannot be read by itself");
    if (end.offset > end.limit || bytes != end.limit - end.offset) {
      refuse(file_, "zip directory",
             fmt::format("{} bytes at byte {} do not end at the end record (byte {}): {}", bytes, end.offset, end.limit,
                         kSeveralArchives));
    }
    return end;
  }

  // Takes the values that a record leaves to its zip64 field from there. The field holds only those values.
  void apply_zip64(Extent& extent, std::uint64_t extra, std::uint64_t length, const std::string& name) const {
    const std::uint64_t end = extra + length;
    if (extent.bytes != kInZip64 && extent.stored_bytes != kInZip64 && extent.header != kInZip64) return;
    while (end - extra >= 4) {
      const std::uint16_t kind = read_.u16(extra);
      const std::uint64_t field_end = extra + 4 + read_.u16(extra + 2);
      if (field_end > end) break;
      if (kind != kZip64Field) {
        extra = field_end;
        continue;
      }
      std::uint64_t at = extra + 4;
      for (std::uint64_t* value : {&extent.bytes, &extent.stored_bytes, &extent.header}) {
        if (*value != kInZip64) continue;
        if (field_end - at < 8) refuse_member(file_, name, "its zip64 field lacks a value");
        *value = read_.u64(at);
        at += 8;
      }
      return;
    }
  }

  // Reads the record at `at` and moves `at` behind it.
  ZipMember read_record(std::uint64_t& at, std::uint64_t limit) {
    if (!bytes_at(file_, at, kDirectoryRecord) || limit - at < kDirectoryRecordBytes) {
      refuse(file_, "zip directory", fmt::format("no member record at byte {}", at));
    }
    const std::uint64_t name_length = read_.u16(at + 28), extra_length = read_.u16(at + 30);
    const std::uint64_t next = at + kDirectoryRecordBytes + name_length + extra_length + read_.u16(at + 32);
    if (next > limit) {
      refuse(file_, "zip directory", fmt::format("the record at byte {} reaches past the directory", at));
    }
    ZipMember member;
    member.name = read_.text(at + kDirectoryRecordBytes, name_length);
    member.crc = read_.u32(at + 16);
    Extent extent{read_.u32(at + 24), read_.u32(at + 20), read_.u32(at + 42)};
    apply_zip64(extent, at + kDirectoryRecordBytes + name_length, extra_length, member.name);
    const std::uint16_t flags = read_.u16(at + 8), method = read_.u16(at + 10);
    take_kind(member, flags, method, extent);
    member.bytes = extent.bytes;
    member.stored_bytes = extent.stored_bytes;
    member.offset = locate(member, extent, flags, method);
    if (member.offset > size_ || member.stored_bytes > size_ - member.offset) {
      refuse_member(file_, member.name,
                    fmt::format("its {} bytes at byte {} reach past the end of the file ({})", member.stored_bytes,
                                member.offset, size_));
    }
    headers_.push_back(extent.header);
    at = next;
    return member;
  }

  // A member that cannot be read is refused when somebody wants to read it: the other members are not affected.
  void take_kind(ZipMember& member, std::uint16_t flags, std::uint16_t method, const Extent& extent) const {
    const std::string& name = member.name;
    if (name.empty()) refuse(file_, "zip directory", "a member has no name");
    if (name.find('\0') != std::string::npos) refuse_member(file_, name, "its name contains a NUL byte");
    if (method == 0 && (flags & kEncrypted) == 0 && extent.bytes != extent.stored_bytes) {
      refuse_member(
          file_, name,
          fmt::format("stored without compression, yet {} bytes stand for {}", extent.stored_bytes, extent.bytes));
    }
    member.compressed = method != 0;
    member.end_marked = (flags & kEndMarked) != 0;
    switch (static_cast<Compression>(method)) {
      case Compression::stored:
      case Compression::deflate:
      case Compression::bzip2:
      case Compression::lzma: member.method = static_cast<Compression>(method); break;
      default:
        member.unreadable = fmt::format(
            "compression method {} is not read: stored (0), deflate (8), bzip2 (12) and LZMA (14) are", method);
    }
    if ((flags & kEncrypted) != 0) member.unreadable = "encrypted members cannot be read";
  }

  // The offset of the member's data, after checking that its local header agrees with the directory.
  std::uint64_t locate(const ZipMember& member, const Extent& extent, std::uint16_t listed_flags,
                       std::uint16_t method) const {
    const std::uint64_t at = extent.header;
    if (at > size_ || size_ - at < kLocalHeaderBytes || !bytes_at(file_, at, kLocalHeader)) {
      refuse_member(file_, member.name, fmt::format("no local header at byte {}", at));
    }
    const std::uint64_t name_length = read_.u16(at + 26), extra_length = read_.u16(at + 28);
    const std::uint64_t data = at + kLocalHeaderBytes + name_length + extra_length;
    if (data > size_ || read_.text(at + kLocalHeaderBytes, name_length) != member.name) {
      refuse_member(file_, member.name, "its local header names another member");
    }
    const std::uint16_t flags = read_.u16(at + 6);
    Extent local{read_.u32(at + 22), read_.u32(at + 18)};
    apply_zip64(local, at + kLocalHeaderBytes + name_length, extra_length, member.name);
    // A streaming writer leaves these to a record after the data; the directory has them too.
    const bool sizes_follow = (flags & kSizesFollow) != 0;
    const bool sizes_agree =
        local.bytes == extent.bytes && local.stored_bytes == extent.stored_bytes && read_.u32(at + 14) == member.crc;
    if (((flags ^ listed_flags) & kEncrypted) != 0 || read_.u16(at + 8) != method || (!sizes_follow && !sizes_agree)) {
      refuse_member(file_, member.name, "its local header disagrees with the directory");
    }
    return data;
  }

  // Programs differ in which of two members with one name they read, so neither is read here.
  static void check_names(std::vector<ZipMember>& members) {
    std::map<std::string_view, ZipMember*> names;
    for (ZipMember& member : members) {
      const auto [at, is_new] = names.emplace(member.name, &member);
      if (is_new) continue;
      for (ZipMember* twin : {at->second, &member}) twin->unreadable = "two members have this name";
    }
  }

  // Members that share bytes unfold a small file into a large one, and give one range two meanings. Bytes that belong
  // to no member are just as bad: they may hold a second archive that nobody would notice.
  void check_cover(const std::vector<ZipMember>& members, std::uint64_t directory) const {
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return headers_[a] < headers_[b]; });
    check_gap(0, order.empty() ? directory : headers_[order[0]]);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const ZipMember& member = members[order[i]];
      const bool last = i + 1 == order.size();
      const std::uint64_t end = member.offset + member.stored_bytes;
      const std::uint64_t next = last ? directory : headers_[order[i + 1]];
      if (end > next) {
        refuse_member(
            file_, member.name,
            last ? "overlaps the directory" : fmt::format("overlaps member {}", in_quotes(members[order[i + 1]].name)));
      }
      check_gap(end + descriptor_bytes(member, end, next), next);
    }
  }

  // A streaming writer repeats checksum and sizes after the data, with or without a signature, in 4 or 8 bytes.
  std::uint64_t descriptor_bytes(const ZipMember& member, std::uint64_t at, std::uint64_t limit) const {
    const std::uint64_t signature = bytes_at(file_, at, kDescriptor) ? kDescriptor.size() : 0;
    for (const std::uint64_t start : std::array{signature, std::uint64_t{0}}) {
      const std::uint64_t sum = at + start;
      if (sum + 12 > limit || read_.u32(sum) != member.crc) continue;
      if (read_.u32(sum + 4) == member.stored_bytes && read_.u32(sum + 8) == member.bytes) return start + 12;
      if (sum + 20 > limit) continue;
      if (read_.u64(sum + 4) == member.stored_bytes && read_.u64(sum + 12) == member.bytes) return start + 20;
    }
    return 0;
  }

  void check_gap(std::uint64_t begin, std::uint64_t end) const {
    const std::string_view gap = read_.text(begin, end - begin);
    if (gap.find_first_not_of('\0') == std::string_view::npos) return;
    refuse(file_, "zip directory",
           fmt::format("the {} bytes at byte {} belong to no member: {}", gap.size(), begin, kSeveralArchives));
  }

  const MappedFile& file_;
  Reader read_;
  std::uint64_t size_;
  std::vector<std::uint64_t> headers_;  // for each member: where its local header starts
};

}  // namespace

void refuse_member(const MappedFile& file, const std::string& name, std::string problem) {
  refuse(file, fmt::format("archive member {}", in_quotes(name)), std::move(problem));
}

bool looks_like_zip(const MappedFile& file) noexcept {
  return bytes_at(file, 0, kLocalHeader) || bytes_at(file, 0, kEndRecord);
}

std::vector<ZipMember> read_zip_directory(const std::shared_ptr<const MappedFile>& file) {
  return DirectoryReader(*file).read();
}

const ZipMember* find_member(const std::vector<ZipMember>& members, std::string_view name) {
  const auto found =
      std::find_if(members.begin(), members.end(), [name](const ZipMember& member) { return member.name == name; });
  return found == members.end() ? nullptr : &*found;
}

std::optional<std::string> root_folder(const std::vector<ZipMember>& members, std::string_view rest) {
  for (const ZipMember& member : members) {
    const std::size_t slash = member.name.find('/');
    if (slash != std::string::npos && std::string_view(member.name).substr(slash + 1) == rest) {
      return member.name.substr(0, slash + 1);
    }
  }
  return std::nullopt;
}

}  // namespace sigmax::io
