// Any bytes as a safetensors file: gives entries whose values can all be read, or a FileError.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/safetensors/safetensors.hpp"
#include "tests/fuzz/touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sigmax;
  const auto* first = reinterpret_cast<const std::byte*>(data);
  const auto file = io::MappedFile::from_bytes("fuzz", std::vector<std::byte>(first, first + size));
  try {
    io::looks_like_safetensors(*file);
    io::fuzz::touch(io::read_safetensors(file));
  } catch (const FileError&) {
  }
  return 0;
}
