// The compressed data of archive members: deflate, bzip2 and LZMA, from untrusted bytes. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sigmax::io {

/// How a member of a zip archive is compressed, by its number in the zip format.
enum class Compression : std::uint16_t { stored = 0, deflate = 8, bzip2 = 12, lzma = 14 };

/// The result of decompressing a stream.
struct Decompressed {
  enum class End : std::uint8_t {
    exact,     ///< as many bytes as were claimed, and the stream ends there
    more,      ///< the stream holds more than was claimed
    less,      ///< the stream ends before that
    damaged,   ///< the stream is damaged or cut short
    leftover,  ///< the stream ends where it should, and other bytes follow it
  };
  std::vector<std::byte> bytes;  ///< complete if `end` is exact or leftover
  End end = End::damaged;
};

/// The most bytes that a stream of `stored` bytes may claim to hold. For deflate, 1032 per byte, the method's own
/// limit. bzip2 and LZMA have no limit that protects anybody; their limit here is 8192 per byte and 64 MiB.
std::uint64_t largest_claim(Compression method, std::uint64_t stored) noexcept;

/// The whole stream, which should hold `claimed` bytes. Memory: what the stream yields, at most twice that and at most
/// `claimed`, and the working memory of the method (an LZMA dictionary is cut to `claimed`). `end_marked` says that an
/// LZMA stream ends with a marker. Throws std::bad_alloc.
Decompressed decompress(Compression method, std::span<const std::byte> stored, std::uint64_t claimed, bool end_marked);

/// The first `count` bytes of the stream; `end` is `exact`, or `damaged` if the stream has fewer.
Decompressed decompress_prefix(Compression method, std::span<const std::byte> stored, std::uint64_t claimed,
                               std::size_t count, bool end_marked);

}  // namespace sigmax::io
