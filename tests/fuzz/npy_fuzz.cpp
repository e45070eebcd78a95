// Any bytes as a NumPy array or archive: gives entries whose values can all be read, or a FileError.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/numpy/npy.hpp"
#include "sigmax/io/numpy/npz.hpp"
#include "sigmax/io/zip/zip_archive.hpp"
#include "tests/fuzz/touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sigmax;
  const auto* first = reinterpret_cast<const std::byte*>(data);
  const auto file = io::MappedFile::from_bytes("fuzz", std::vector<std::byte>(first, first + size));
  try {
    io::fuzz::touch(io::looks_like_zip(*file) ? io::read_npz(file, io::read_zip_directory(file)) : io::read_npy(file));
  } catch (const FileError&) {
  }
  return 0;
}
