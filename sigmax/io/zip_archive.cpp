#include "sigmax/io/zip_archive.hpp"

#include <fmt/format.h>
#include <minizip/unzip.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <unordered_set>

#include "sigmax/core/error.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kLocalHeaderBytes = 30;
constexpr std::uint64_t kDirectoryRecordBytes = 46;
constexpr std::string_view kLocalHeader{"PK\3\4", 4};
constexpr std::string_view kDirectoryRecord{"PK\1\2", 4};
constexpr std::string_view kEndRecord{"PK\5\6", 4};
constexpr std::string_view kZip64EndRecord{"PK\6\6", 4};
constexpr std::uint64_t kDeflateLimit = 1032;  // no deflate stream yields more bytes than this for one of its own
constexpr uLong kEncrypted = 1;

[[noreturn]] void refuse(const MappedFile& file, std::string place, std::string problem) {
  throw FileError(file.path().string(), std::move(place), std::move(problem));
}

std::string place_of(const std::string& member) { return fmt::format("archive member '{}'", member); }

bool bytes_at(const MappedFile& file, std::uint64_t offset, std::string_view expected) noexcept {
  const auto bytes = file.bytes();
  return offset <= bytes.size() && expected.size() <= bytes.size() - offset &&
         std::memcmp(bytes.data() + offset, expected.data(), expected.size()) == 0;
}

// minizip reads through these instead of a FILE: the bytes are mapped already.
struct Stream {
  std::span<const std::byte> bytes;
  std::uint64_t position = 0;
};

voidpf open_stream(voidpf opaque, const void*, int) { return opaque; }

uLong read_stream(voidpf, voidpf stream, void* to, uLong count) {
  auto& s = *static_cast<Stream*>(stream);
  const std::uint64_t taken = std::min<std::uint64_t>(count, s.bytes.size() - s.position);
  if (taken != 0) std::memcpy(to, s.bytes.data() + s.position, taken);
  s.position += taken;
  return taken;
}

uLong write_stream(voidpf, voidpf, const void*, uLong) { return 0; }

ZPOS64_T tell_stream(voidpf, voidpf stream) { return static_cast<Stream*>(stream)->position; }

long seek_stream(voidpf, voidpf stream, ZPOS64_T offset, int origin) {
  auto& s = *static_cast<Stream*>(stream);
  const std::uint64_t size = s.bytes.size();
  std::uint64_t base = 0;
  if (origin == ZLIB_FILEFUNC_SEEK_CUR) base = s.position;
  if (origin == ZLIB_FILEFUNC_SEEK_END) base = size;
  if (offset > size - base) return -1;
  s.position = base + offset;
  return 0;
}

int close_stream(voidpf, voidpf) { return 0; }
int stream_error(voidpf, voidpf) { return 0; }

// Walks the directory with minizip, which knows zip64 and compares the sizes, the method and the checksum of the local
// header with the directory's. It does not compare names, and does not ask whether members overlap: that is done here.
class DirectoryReader {
 public:
  explicit DirectoryReader(const MappedFile& file) : file_(file), stream_{file.bytes()} {
    zlib_filefunc64_def functions{open_stream, read_stream,  write_stream, tell_stream,
                                  seek_stream, close_stream, stream_error, &stream_};
    archive_ = unzOpen2_64("", &functions);
    if (archive_ == nullptr) refuse(file, "zip directory", "no valid end record: the archive is cut short or damaged");
  }
  ~DirectoryReader() { unzClose(archive_); }
  DirectoryReader(const DirectoryReader&) = delete;
  DirectoryReader& operator=(const DirectoryReader&) = delete;

  std::vector<ZipMember> read() {
    unz_global_info64 info{};
    unzGetGlobalInfo64(archive_, &info);
    if (info.number_entry > file_.bytes().size() / kDirectoryRecordBytes) {
      refuse(file_, "zip directory", fmt::format("claims {} members, more than the file can hold", info.number_entry));
    }
    std::vector<ZipMember> members;
    std::unordered_set<std::string> names;
    if (info.number_entry != 0) {
      int status = unzGoToFirstFile(archive_);
      directory_start_ = directory_end_ = unzGetOffset64(archive_);
      for (; status == UNZ_OK; status = unzGoToNextFile(archive_)) {
        members.push_back(current());
        if (!names.insert(members.back().name).second) {
          refuse(file_, place_of(members.back().name), "two members have this name");
        }
      }
    }
    if (members.size() != info.number_entry) {
      refuse(file_, "zip directory", fmt::format("claims {} members but holds {}", info.number_entry, members.size()));
    }
    check_layout();
    return members;
  }

 private:
  struct Extent {
    std::uint64_t begin;  // of the local header
    std::uint64_t end;    // of the data
    std::size_t member;
  };

  ZipMember current() {
    const std::uint64_t record = unzGetOffset64(archive_);
    // minizip shifts every offset of an archive that has bytes in front of it; its own offsets then miss the records.
    if (!bytes_at(file_, record, kDirectoryRecord)) {
      refuse(file_, "zip directory", fmt::format("no member record at byte {}, where the archive says one is", record));
    }
    unz_file_info64 info{};
    if (unzGetCurrentFileInfo64(archive_, &info, name_.data(), name_.size(), nullptr, 0, nullptr, 0) != UNZ_OK) {
      refuse(file_, "zip directory", fmt::format("the record at byte {} is damaged", record));
    }
    std::string name(name_.data(), info.size_filename);
    directory_end_ =
        record + kDirectoryRecordBytes + info.size_filename + info.size_file_extra + info.size_file_comment;
    if (directory_end_ > file_.bytes().size()) {
      refuse(file_, "zip directory", fmt::format("the record at byte {} reaches past the end of the file", record));
    }
    check(name, info);
    ZipMember member;
    member.offset = locate(name);
    member.stored_bytes = info.compressed_size;
    member.bytes = info.uncompressed_size;
    member.compressed = info.compression_method == Z_DEFLATED;
    member.crc = static_cast<std::uint32_t>(info.crc);
    const std::uint64_t size = file_.bytes().size();
    if (member.offset > size || member.stored_bytes > size - member.offset) {
      refuse(file_, place_of(name),
             fmt::format("its {} bytes at byte {} reach past the end of the file ({} bytes)", member.stored_bytes,
                         member.offset, size));
    }
    extents_.back().end = member.offset + member.stored_bytes;
    member.name = std::move(name);
    return member;
  }

  void check(const std::string& name, const unz_file_info64& info) const {
    if (name.empty()) refuse(file_, "zip directory", "a member has no name");
    if (name.find('\0') != std::string::npos) {
      refuse(file_, place_of(name.substr(0, name.find('\0'))), "its name contains a NUL byte");
    }
    if ((info.flag & kEncrypted) != 0) refuse(file_, place_of(name), "encrypted members cannot be read");
    if (info.compression_method != 0 && info.compression_method != Z_DEFLATED) {
      refuse(file_, place_of(name),
             fmt::format("compression method {} is neither stored (0) nor deflated ({})", info.compression_method,
                         Z_DEFLATED));
    }
    if (info.compression_method == 0 && info.compressed_size != info.uncompressed_size) {
      refuse(file_, place_of(name),
             fmt::format("stored without compression, yet {} bytes stand for {}", info.compressed_size,
                         info.uncompressed_size));
    }
  }

  // Where the current member's data begin, once its local header is seen to agree with the directory.
  std::uint64_t locate(const std::string& name) {
    int method = 0;
    if (unzOpenCurrentFile2(archive_, &method, nullptr, 1) != UNZ_OK) {
      refuse(file_, place_of(name), "its local header is missing or disagrees with the directory");
    }
    const std::uint64_t data = unzGetCurrentFileZStreamPos64(archive_);
    const int extra = unzGetLocalExtrafield(archive_, nullptr, 0);
    unzCloseCurrentFile(archive_);
    const std::uint64_t header = kLocalHeaderBytes + name.size() + static_cast<std::uint64_t>(std::max(extra, 0));
    if (data < header || !bytes_at(file_, data - header, kLocalHeader) ||
        !bytes_at(file_, data - header + kLocalHeaderBytes, name)) {
      refuse(file_, place_of(name), "its local header is missing or names another member");
    }
    extents_.push_back({data - header, data, extents_.size()});
    names_.push_back(name);
    return data;
  }

  // Two members that share bytes make a small file unfold into a large one (and stand for two truths about one range).
  void check_layout() {
    if (directory_end_ != 0 && !bytes_at(file_, directory_end_, kEndRecord) &&
        !bytes_at(file_, directory_end_, kZip64EndRecord)) {
      refuse(file_, "zip directory", fmt::format("no end record at byte {}, behind the last member", directory_end_));
    }
    std::sort(extents_.begin(), extents_.end(),
              [](const Extent& a, const Extent& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    for (std::size_t i = 0; i < extents_.size(); ++i) {
      const bool last = i + 1 == extents_.size();
      const std::uint64_t limit = last ? directory_start_ : extents_[i + 1].begin;
      if (extents_[i].end <= limit) continue;
      refuse(file_, place_of(names_[extents_[i].member]),
             last ? "overlaps the directory" : fmt::format("overlaps member '{}'", names_[extents_[i + 1].member]));
    }
  }

  const MappedFile& file_;
  Stream stream_;
  unzFile archive_ = nullptr;
  std::uint64_t directory_start_ = 0;
  std::uint64_t directory_end_ = 0;
  std::vector<char> name_ = std::vector<char>(std::numeric_limits<std::uint16_t>::max());
  std::vector<Extent> extents_;
  std::vector<std::string> names_;  // by Extent::member
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
  // minizip does not open an archive without members.
  if (bytes_at(*file, 0, kEndRecord)) {
    static constexpr std::string_view kNothing("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    if (bytes_at(*file, 0, kNothing)) return {};
    refuse(*file, "zip directory", "starts with an end record that is not an empty archive's");
  }
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
