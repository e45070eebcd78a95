// Writes zip archives in memory for the tests of io/.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "io/test_files.hpp"

namespace sigmax::io::testing {

struct ZipContent {
  std::string name;
  std::string bytes;
  bool compressed = false;
};

/// A raw deflate stream.
inline std::string deflated(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string result(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

inline std::string zip_of(const std::vector<ZipContent>& contents) {
  const auto u16 = [](std::size_t value) { return raw(static_cast<std::uint16_t>(value)); };
  const auto u32 = [](std::size_t value) { return raw(static_cast<std::uint32_t>(value)); };
  std::string archive, directory;
  for (const ZipContent& content : contents) {
    const std::string data = content.compressed ? deflated(content.bytes) : content.bytes;
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(content.bytes.data()), static_cast<uInt>(content.bytes.size()));
    const std::string common = u16(20) + u16(0) + u16(content.compressed ? 8 : 0) + u32(0) + u32(crc) +
                               u32(data.size()) + u32(content.bytes.size()) + u16(content.name.size()) + u16(0);
    directory += "PK\1\2" + u16(20) + common + u16(0) + u16(0) + u16(0) + u32(0) + u32(archive.size()) + content.name;
    archive += "PK\3\4" + common + content.name + data;
  }
  const std::string end = "PK\5\6" + u16(0) + u16(0) + u16(contents.size()) + u16(contents.size()) +
                          u32(directory.size()) + u32(archive.size()) + u16(0);
  return archive + directory + end;
}

}  // namespace sigmax::io::testing
