#include "sigmax/io/zip/decompress.hpp"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

namespace sigmax::io {
namespace {

constexpr std::uint64_t kDeflateLimit = 1032;  // no deflate stream yields more bytes than this per compressed byte
constexpr std::uint64_t kOtherLimit = 8192, kOtherFree = std::uint64_t{1} << 26;
constexpr std::size_t kFirstPiece = std::size_t{1} << 20;  // of output; each further piece doubles the total

using Input = std::span<const std::byte>;
using Output = std::span<std::byte>;

enum class Status : std::uint8_t { running, end, damaged };

// One method. A step takes bytes from the front of the input, writes to the front of the output and shortens both by
// what it used, which may be nothing.
class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  virtual ~Decoder() = default;
  virtual Status step(Input& input, Output& output) = 0;
};

// zlib and bzip2 count in 32 bits: one step gets at most as much as fits.
template <class Count>
Count piece_of(std::size_t size) {
  return static_cast<Count>(std::min<std::size_t>(size, std::numeric_limits<Count>::max()));
}

template <class Pointer>
Pointer start_of(Input bytes) {
  return reinterpret_cast<Pointer>(const_cast<std::byte*>(bytes.data()));
}

// A step of any of the three libraries, whose streams have the same members. Returns the library's status.
template <class Stream, class Run>
auto advance(Stream& stream, Input& input, Output& output, const Run& run) {
  const auto in = piece_of<decltype(stream.avail_in)>(input.size());
  const auto out = piece_of<decltype(stream.avail_out)>(output.size());
  stream.next_in = start_of<decltype(stream.next_in)>(input);
  stream.next_out = start_of<decltype(stream.next_out)>(output);
  stream.avail_in = in;
  stream.avail_out = out;
  const auto status = run(&stream);
  input = input.subspan(in - stream.avail_in);
  output = output.subspan(out - stream.avail_out);
  return status;
}

class Deflate : public Decoder {
 public:
  Deflate() {
    if (::inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Deflate() override { ::inflateEnd(&stream_); }

  Status step(Input& input, Output& output) override {
    const int status = advance(stream_, input, output, [](z_stream* s) { return ::inflate(s, Z_NO_FLUSH); });
    if (status == Z_STREAM_END) return Status::end;
    return status == Z_OK || status == Z_BUF_ERROR ? Status::running : Status::damaged;
  }

 private:
  z_stream stream_{};
};

class Bzip2 : public Decoder {
 public:
  Bzip2() {
    if (::BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  ~Bzip2() override { ::BZ2_bzDecompressEnd(&stream_); }

  Status step(Input& input, Output& output) override {
    const int status = advance(stream_, input, output, ::BZ2_bzDecompress);
    if (status == BZ_STREAM_END) return Status::end;
    if (status == BZ_MEM_ERROR) throw std::bad_alloc();
    return status == BZ_OK ? Status::running : Status::damaged;
  }

 private:
  bz_stream stream_{};
};

// An archive puts the version of the program and the length of the properties before them. liblzma instead reads the
// header of .lzma files: the properties, whose last four bytes are the size of the dictionary, and the size of the
// data, all ones if a marker ends them.
class Lzma : public Decoder {
 public:
  Lzma(std::uint64_t claimed, bool end_marked) : claimed_(claimed), end_marked_(end_marked) {
    if (::lzma_alone_decoder(&stream_, std::numeric_limits<std::uint64_t>::max()) != LZMA_OK) throw std::bad_alloc();
  }
  ~Lzma() override { ::lzma_end(&stream_); }

  Status step(Input& input, Output& output) override {
    if (!started_ && !start(input, output)) return Status::damaged;
    return run(input, output);
  }

 private:
  static constexpr std::size_t kProperties = 5, kInFront = 4;

  bool start(Input& input, Output& output) {
    if (input.size() < kInFront + kProperties || input[2] != std::byte{kProperties} || input[3] != std::byte{0}) {
      return false;
    }
    std::array<std::byte, kProperties + 8> header{};
    std::copy_n(input.begin() + kInFront, kProperties, header.begin());
    // No reference reaches further back than the start of the data, so a dictionary of the data's size is large enough.
    std::uint32_t dictionary = 0;
    std::memcpy(&dictionary, header.data() + 1, sizeof dictionary);
    dictionary = static_cast<std::uint32_t>(std::min<std::uint64_t>(dictionary, std::max<std::uint64_t>(claimed_, 1)));
    std::memcpy(header.data() + 1, &dictionary, sizeof dictionary);
    const std::uint64_t size = end_marked_ ? std::numeric_limits<std::uint64_t>::max() : claimed_;
    std::memcpy(header.data() + kProperties, &size, sizeof size);
    input = input.subspan(kInFront + kProperties);
    started_ = true;
    Input rest = header;
    return run(rest, output) == Status::running && rest.empty();  // yields nothing, yet wants room
  }

  Status run(Input& input, Output& output) {
    const lzma_ret status = advance(stream_, input, output, [](lzma_stream* s) { return ::lzma_code(s, LZMA_RUN); });
    if (status == LZMA_STREAM_END) return Status::end;
    if (status == LZMA_MEM_ERROR) throw std::bad_alloc();
    return status == LZMA_OK || status == LZMA_BUF_ERROR ? Status::running : Status::damaged;
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  std::uint64_t claimed_;
  bool end_marked_;
  bool started_ = false;
};

std::unique_ptr<Decoder> decoder_of(Compression method, std::uint64_t claimed, bool end_marked) {
  switch (method) {
    case Compression::deflate: return std::make_unique<Deflate>();
    case Compression::bzip2: return std::make_unique<Bzip2>();
    case Compression::lzma: return std::make_unique<Lzma>(claimed, end_marked);
    case Compression::stored: break;
  }
  return nullptr;
}

// Fills `bytes` up to `most`, growing as the stream yields data. Returns running if `most` bytes are there and the
// stream goes on.
Status fill(Decoder& decoder, Input& input, std::vector<std::byte>& bytes, std::size_t most) {
  bytes.resize(std::min(most, kFirstPiece));
  Output room(bytes);
  for (;;) {
    if (room.empty()) {
      const std::size_t size = bytes.size();
      if (size == most) return Status::running;
      bytes.resize(size + std::min(most - size, size));
      room = Output(bytes).subspan(size);
    }
    const std::size_t before = input.size() + room.size();
    const Status status = decoder.step(input, room);
    if (status == Status::running && input.size() + room.size() != before) continue;
    bytes.resize(bytes.size() - room.size());
    return status == Status::end ? Status::end : Status::damaged;  // or it wants more input than there is
  }
}

}  // namespace

std::uint64_t largest_claim(Compression method, std::uint64_t stored) noexcept {
  if (method == Compression::stored) return stored;
  const std::uint64_t rate = method == Compression::deflate ? kDeflateLimit : kOtherLimit;
  const std::uint64_t free = method == Compression::deflate ? 0 : kOtherFree;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return stored > (kMost - free) / rate ? kMost : stored * rate + free;
}

Decompressed decompress(Compression method, std::span<const std::byte> stored, std::uint64_t claimed, bool end_marked) {
  using End = Decompressed::End;
  Decompressed result;
  const std::unique_ptr<Decoder> decoder = decoder_of(method, claimed, end_marked);
  if (decoder == nullptr) return result;
  Status status = fill(*decoder, stored, result.bytes, static_cast<std::size_t>(claimed));
  if (status == Status::running) {
    // One byte more than claimed: a stream that fills it holds more than the directory says.
    std::vector<std::byte> excess;
    status = fill(*decoder, stored, excess, 1);
    if (!excess.empty() && status != Status::damaged) status = Status::running;
  }
  if (status == Status::running) {
    result.end = End::more;
  } else if (status == Status::end) {
    result.end = result.bytes.size() < claimed ? End::less : stored.empty() ? End::exact : End::leftover;
  }
  return result;
}

Decompressed decompress_prefix(Compression method, std::span<const std::byte> stored, std::uint64_t claimed,
                               std::size_t count, bool end_marked) {
  Decompressed result;
  const std::unique_ptr<Decoder> decoder = decoder_of(method, claimed, end_marked);
  if (decoder == nullptr) return result;
  fill(*decoder, stored, result.bytes, count);
  if (result.bytes.size() == count) result.end = Decompressed::End::exact;
  return result;
}

}  // namespace sigmax::io
