// Any bytes as the .metadata of torch.distributed.checkpoint, with a shard: gives entries whose values can all be read,
// or a FileError. The first four bytes hold the length of .metadata; the rest is the content of every shard that it
// names.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/distributed/distributed.hpp"
#include "tests/fuzz/touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sigmax;
  std::uint32_t length = 0;
  if (size < sizeof length) return 0;
  std::memcpy(&length, data, sizeof length);
  const auto* first = reinterpret_cast<const std::byte*>(data) + sizeof length;
  const auto* last = first + (size - sizeof length);
  const auto* middle = first + std::min<std::size_t>(length, static_cast<std::size_t>(last - first));
  const auto metadata = io::MappedFile::from_bytes("fuzz/.metadata", std::vector<std::byte>(first, middle));
  const auto shard = io::MappedFile::from_bytes("fuzz/shard", std::vector<std::byte>(middle, last));
  try {
    io::fuzz::touch(io::read_distributed(metadata, [&shard](const std::string&) { return shard; }).entries);
  } catch (const FileError&) {
  }
  return 0;
}
