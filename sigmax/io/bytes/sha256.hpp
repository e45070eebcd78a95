// SHA-256 (FIPS 180-4): what names a file or a tensor in a certificate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sigmax::io {

/// The digest of bytes that come in pieces, at most 2^61 of them. Cost: about 20 operations a byte.
class Sha256 {
 public:
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }

  /// The digest of all bytes so far, as 64 lower-case hexadecimal digits. Nothing may be added after this.
  std::string hexadecimal();

 private:
  static constexpr std::size_t kBlock = 64;
  void take_block(const std::byte* block);

  // The square roots of the first eight primes, their fractions.
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, kBlock> rest_{};
  std::size_t held_ = 0;     // bytes in rest_
  std::uint64_t count_ = 0;  // bytes so far
};

/// The digest of one piece.
std::string sha256(std::span<const std::byte> bytes);
std::string sha256(std::string_view text);

}  // namespace sigmax::io
