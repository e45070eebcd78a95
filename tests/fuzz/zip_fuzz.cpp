// Any bytes as a zip archive: gives members that can all be read and do not exceed what they claim, or a FileError.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/zip/zip_archive.hpp"
#include "tests/fuzz/touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sigmax;
  const auto* first = reinterpret_cast<const std::byte*>(data);
  const auto file = io::MappedFile::from_bytes("fuzz", std::vector<std::byte>(first, first + size));
  try {
    std::uint64_t stored = 0;
    for (const io::ZipMember& member : io::read_zip_directory(file)) {
      stored += member.stored_bytes;
      io::fuzz::require(stored <= size);
      try {
        const auto content = io::read_zip_member(file, member);
        io::fuzz::require(content->bytes().size() == member.bytes);
        volatile unsigned sum = 0;
        for (const std::byte byte : content->bytes()) sum = sum + std::to_integer<unsigned>(byte);
      } catch (const FileError&) {
      }
    }
  } catch (const FileError&) {
  }
  return 0;
}
