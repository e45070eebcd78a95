// Any bytes as the index of a sharded checkpoint: gives names of tensors and of files below the index's folder, or a
// FileError.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/sharded_index.hpp"
#include "tests/fuzz/touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sigmax;
  const auto* first = reinterpret_cast<const std::byte*>(data);
  const auto file = io::MappedFile::from_bytes("fuzz", std::vector<std::byte>(first, first + size));
  try {
    io::looks_like_json_object(*file);
    for (const auto& [shard, tensors] : io::read_sharded_index(file)) {
      io::fuzz::require(!tensors.empty());
      // No name may lead out of the folder, however it is joined to the folder's path.
      const std::filesystem::path path(shard);
      io::fuzz::require(path.is_relative() && path == path.lexically_normal() && *path.begin() != "..");
      io::fuzz::require(shard.find('\0') == std::string::npos);
    }
  } catch (const FileError&) {
  }
  return 0;
}
