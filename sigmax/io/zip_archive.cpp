#include "sigmax/io/zip_archive.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <string_view>

#include "sigmax/core/error.hpp"
#include "sigmax/io/message.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kLocalHeaderBytes = 30, kDirectoryRecordBytes = 46, kEndRecordBytes = 22;
constexpr std::uint64_t kZip64LocatorBytes = 20;
constexpr std::string_view kLocalHeader{"PK\3\4"}, kDirectoryRecord{"PK\1\2"}, kEndRecord{"PK\5\6"};
constexpr std::string_view kZip64EndRecord{"PK\6\6"}, kZip64Locator{"PK\6\7"};
constexpr std::uint32_t kInZip64 = 0xffffffff;  // stands for a value that the zip64 field holds
constexpr std::uint16_t kZip64Field = 1;
constexpr std::uint16_t kEncrypted = 1, kSizesFollow = 8;  // flags
constexpr std::uint64_t kDeflateLimit = 1032;  // no deflate stream yields more bytes than this for one of its own

[[noreturn]] void refuse(const MappedFile& file, std::string place, std::string problem) {
  throw FileError(file.path().string(), std::move(place), std::move(problem));
}

std::string place_of(const std::string& member) { return fmt::format("archive member {}", in_quotes(member)); }

bool bytes_at(const MappedFile& file, std::uint64_t offset, std::string_view expected) noexcept {
  const auto bytes = file.bytes();
  return offset <= bytes.size() && expected.size() <= bytes.size() - offset &&
         std::memcmp(bytes.data() + offset, expected.data(), expected.size()) == 0;
}

// The file's little-endian integers; reading outside of it is refused.
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

// Sizes and place of a member, as a local header or a directory record gives them.
struct Extent {
  std::uint64_t bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t header = 0;  // offset of the local header, known to directory records alone
};

// Reads the directory and holds every local header against it, since programs differ in which of the two they believe.
//
// Written out rather than left to minizip: the one in use reads 0xffffffff as a size and not as a reference to the
// zip64 field (it compares with a 64-bit -1), so that no archive above 4 GiB opens, and it compares no names.
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
    check_overlap(members, end.offset);
    return members;
  }

 private:
  // The record may be followed by a comment, whose length it tells: only one that ends with the file is the end.
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
      if (!bytes_at(file_, end.limit, kZip64EndRecord)) {
        refuse(file_, "zip directory", fmt::format("no zip64 end record at byte {}", end.limit));
      }
      one_disk = read_.u32(end.limit + 16) == read_.u32(end.limit + 20) &&
                 read_.u64(end.limit + 24) == read_.u64(end.limit + 32);
      end.members = read_.u64(end.limit + 32);
      bytes = read_.u64(end.limit + 40);
      end.offset = read_.u64(end.limit + 48);
    }
    if (!one_disk) refuse(file_, "zip directory", "one part of an archive in several parts cannot be read alone");
    if (end.offset > end.limit || bytes != end.limit - end.offset) {
      refuse(file_, "zip directory",
             fmt::format("{} bytes at byte {} do not end at the end record (byte {})", bytes, end.offset, end.limit));
    }
    return end;
  }

  // Replaces what a record leaves to its zip64 field by what stands there. The field holds those values alone.
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
        if (field_end - at < 8) refuse(file_, place_of(name), "its zip64 field lacks a value");
        *value = read_.u64(at);
        at += 8;
      }
      return;
    }
  }

  // Reads the record at `at` and moves there behind it.
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
    check_kind(member.name, flags, method, extent);
    member.bytes = extent.bytes;
    member.stored_bytes = extent.stored_bytes;
    member.compressed = method == Z_DEFLATED;
    member.offset = locate(member, extent, method);
    if (member.offset > size_ || member.stored_bytes > size_ - member.offset) {
      refuse(file_, place_of(member.name),
             fmt::format("its {} bytes at byte {} reach past the end of the file ({})", member.stored_bytes,
                         member.offset, size_));
    }
    headers_.push_back(extent.header);
    at = next;
    return member;
  }

  void check_kind(const std::string& name, std::uint16_t flags, std::uint16_t method, const Extent& extent) const {
    if (name.empty()) refuse(file_, "zip directory", "a member has no name");
    if (name.find('\0') != std::string::npos) refuse(file_, place_of(name), "its name contains a NUL byte");
    if ((flags & kEncrypted) != 0) refuse(file_, place_of(name), "encrypted members cannot be read");
    if (method != 0 && method != Z_DEFLATED) {
      refuse(file_, place_of(name),
             fmt::format("compression method {} is neither stored (0) nor deflated ({})", method, Z_DEFLATED));
    }
    if (method == 0 && extent.bytes != extent.stored_bytes) {
      refuse(file_, place_of(name),
             fmt::format("stored without compression, yet {} bytes stand for {}", extent.stored_bytes, extent.bytes));
    }
  }

  // Where the member's data begin, once its local header is seen to agree with the directory.
  std::uint64_t locate(const ZipMember& member, const Extent& extent, std::uint16_t method) const {
    const std::uint64_t at = extent.header;
    if (at > size_ || size_ - at < kLocalHeaderBytes || !bytes_at(file_, at, kLocalHeader)) {
      refuse(file_, place_of(member.name), fmt::format("no local header at byte {}", at));
    }
    const std::uint64_t name_length = read_.u16(at + 26), extra_length = read_.u16(at + 28);
    const std::uint64_t data = at + kLocalHeaderBytes + name_length + extra_length;
    if (data > size_ || read_.text(at + kLocalHeaderBytes, name_length) != member.name) {
      refuse(file_, place_of(member.name), "its local header names another member");
    }
    const std::uint16_t flags = read_.u16(at + 6);
    Extent local{read_.u32(at + 22), read_.u32(at + 18)};
    apply_zip64(local, at + kLocalHeaderBytes + name_length, extra_length, member.name);
    // A writer that streams leaves these to a record behind the data; the directory has them too.
    const bool sizes_follow = (flags & kSizesFollow) != 0;
    const bool sizes_agree =
        local.bytes == extent.bytes && local.stored_bytes == extent.stored_bytes && read_.u32(at + 14) == member.crc;
    if ((flags & kEncrypted) != 0 || read_.u16(at + 8) != method || (!sizes_follow && !sizes_agree)) {
      refuse(file_, place_of(member.name), "its local header disagrees with the directory");
    }
    return data;
  }

  void check_names(const std::vector<ZipMember>& members) const {
    std::set<std::string_view> names;
    for (const ZipMember& member : members) {
      if (!names.insert(member.name).second) refuse(file_, place_of(member.name), "two members have this name");
    }
  }

  // Members that share bytes make a small file unfold into a large one, and stand for two truths about one range.
  void check_overlap(const std::vector<ZipMember>& members, std::uint64_t directory) const {
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return headers_[a] < headers_[b]; });
    for (std::size_t i = 0; i < order.size(); ++i) {
      const ZipMember& member = members[order[i]];
      const bool last = i + 1 == order.size();
      if (member.offset + member.stored_bytes <= (last ? directory : headers_[order[i + 1]])) continue;
      refuse(
          file_, place_of(member.name),
          last ? "overlaps the directory" : fmt::format("overlaps member {}", in_quotes(members[order[i + 1]].name)));
    }
  }

  const MappedFile& file_;
  Reader read_;
  std::uint64_t size_;
  std::vector<std::uint64_t> headers_;  // of each member: where its local header starts
};

// zlib counts in 32 bits: hands it the rest of `bytes` in pieces that fit.
template <class Byte, class Pointer>
void next_piece(std::span<Byte>& bytes, Pointer& next, uInt& available) {
  const std::size_t piece = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
  next = reinterpret_cast<Pointer>(const_cast<std::byte*>(bytes.data()));
  available = static_cast<uInt>(piece);
  bytes = bytes.subspan(piece);
}

std::vector<std::byte> inflate_member(const MappedFile& file, const ZipMember& member) {
  std::vector<std::byte> result(member.bytes);
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    refuse(file, place_of(member.name), "zlib has no memory to inflate it");
  std::span<const std::byte> input = file.bytes().subspan(member.offset, member.stored_bytes);
  std::span<std::byte> output(result);
  // One byte more than the claim: a stream that fills it holds more than the directory says.
  std::byte excess{};
  bool past_claim = false;
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0) next_piece(input, stream.next_in, stream.avail_in);
    if (stream.avail_out == 0) {
      if (past_claim) break;
      past_claim = output.empty();
      if (past_claim) output = {&excess, 1};
      next_piece(output, stream.next_out, stream.avail_out);
    }
    status = ::inflate(&stream, Z_NO_FLUSH);
  }
  const bool overrun = past_claim && stream.avail_out == 0;
  const bool complete = past_claim || (output.empty() && stream.avail_out == 0);
  const bool leftover = !input.empty() || stream.avail_in != 0;
  ::inflateEnd(&stream);
  if (overrun)
    refuse(file, place_of(member.name), fmt::format("inflates to more than the {} bytes claimed", member.bytes));
  if (status != Z_STREAM_END) refuse(file, place_of(member.name), "its compressed data are damaged or cut short");
  if (!complete)
    refuse(file, place_of(member.name), fmt::format("inflates to less than the {} bytes claimed", member.bytes));
  if (leftover) refuse(file, place_of(member.name), "has bytes behind the end of its compressed data");
  return result;
}

}  // namespace

bool looks_like_zip(const MappedFile& file) noexcept {
  return bytes_at(file, 0, kLocalHeader) || bytes_at(file, 0, kEndRecord);
}

std::vector<ZipMember> read_zip_directory(const std::shared_ptr<const MappedFile>& file) {
  return DirectoryReader(*file).read();
}

std::shared_ptr<const MappedFile> read_zip_member(const std::shared_ptr<const MappedFile>& file,
                                                  const ZipMember& member) {
  const std::uint64_t size = file->bytes().size();
  if (member.offset > size || member.stored_bytes > size - member.offset) {
    refuse(*file, place_of(member.name), "its bytes reach past the end of the file");
  }
  if (!member.compressed) {
    return file->subfile(static_cast<std::size_t>(member.offset), static_cast<std::size_t>(member.stored_bytes));
  }
  if (member.bytes / kDeflateLimit > member.stored_bytes) {
    refuse(*file, place_of(member.name),
           fmt::format("claims that {} compressed bytes inflate to {}: no deflate stream can", member.stored_bytes,
                       member.bytes));
  }
  std::vector<std::byte> bytes = inflate_member(*file, member);
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (crc != member.crc) refuse(*file, place_of(member.name), "its checksum does not match its bytes");
  return MappedFile::from_bytes(file->path(), std::move(bytes));
}

}  // namespace sigmax::io
