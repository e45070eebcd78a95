// Writes zip archives in memory for the tests of io/.
#pragma once

#include <bzlib.h>
#include <lzma.h>
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
  unsigned method = 8;  // for a compressed member: 8 deflate, 12 bzip2, 14 LZMA
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

inline std::string bzip2ed(const std::string& bytes) {
  std::string result(bytes.size() + bytes.size() / 100 + 600, '\0');
  auto size = static_cast<unsigned>(result.size());
  BZ2_bzBuffToBuffCompress(result.data(), &size, const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()),
                           9, 0, 0);
  result.resize(size);
  return result;
}

/// The form that an archive has: a version, the length of the properties, the properties, and a stream with an end
/// marker.
inline std::string lzmaed(const std::string& bytes, std::uint32_t dictionary = 1 << 23) {
  lzma_options_lzma options;
  lzma_lzma_preset(&options, LZMA_PRESET_DEFAULT);
  options.dict_size = dictionary;
  const lzma_filter filters[] = {{LZMA_FILTER_LZMA1, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  std::string properties(5, '\0'), result(2 * bytes.size() + 1000, '\0');
  lzma_properties_encode(filters, reinterpret_cast<std::uint8_t*>(properties.data()));
  std::size_t size = 0;
  lzma_raw_buffer_encode(filters, nullptr, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                         reinterpret_cast<std::uint8_t*>(result.data()), &size, result.size());
  result.resize(size);
  return raw(std::uint16_t{0x0409}) + raw(std::uint16_t{5}) + properties + result;
}

inline std::string compressed(const std::string& bytes, unsigned method) {
  if (method == 12) return bzip2ed(bytes);
  return method == 14 ? lzmaed(bytes) : deflated(bytes);
}

inline std::string zip_of(const std::vector<ZipContent>& contents) {
  const auto u16 = [](std::size_t value) { return raw(static_cast<std::uint16_t>(value)); };
  const auto u32 = [](std::size_t value) { return raw(static_cast<std::uint32_t>(value)); };
  std::string archive, directory;
  for (const ZipContent& content : contents) {
    const std::string data = content.compressed ? compressed(content.bytes, content.method) : content.bytes;
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(content.bytes.data()), static_cast<uInt>(content.bytes.size()));
    const std::string common = u16(20) + u16(content.compressed && content.method == 14 ? 2 : 0) +
                               u16(content.compressed ? content.method : 0) + u32(0) + u32(crc) + u32(data.size()) +
                               u32(content.bytes.size()) + u16(content.name.size()) + u16(0);
    directory += "PK\1\2" + u16(20) + common + u16(0) + u16(0) + u16(0) + u32(0) + u32(archive.size()) + content.name;
    archive += "PK\3\4" + common + content.name + data;
  }
  const std::string end = "PK\5\6" + u16(0) + u16(0) + u16(contents.size()) + u16(contents.size()) +
                          u32(directory.size()) + u32(archive.size()) + u16(0);
  return archive + directory + end;
}

}  // namespace sigmax::io::testing
