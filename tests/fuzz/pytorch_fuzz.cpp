// Any bytes as a PyTorch archive, a legacy stream or a bare pickle: gives entries whose values can all be read, or a
// FileError.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/pytorch/pytorch.hpp"
#include "sigmax/io/pytorch/pytorch_export.hpp"
#include "sigmax/io/pytorch/pytorch_walk.hpp"
#include "tests/fuzz/touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sigmax;
  const auto* first = reinterpret_cast<const std::byte*>(data);
  const auto file = io::MappedFile::from_bytes("fuzz", std::vector<std::byte>(first, first + size));
  try {
    if (io::looks_like_zip(*file)) {
      const auto members = io::read_zip_directory(file);
      if (io::is_pytorch_archive(members)) io::fuzz::touch(io::read_pytorch_archive(file, members));
      if (io::is_exported_program(members)) io::fuzz::touch(io::read_exported_program(file, members));
      if (io::is_torch_package(members)) io::fuzz::touch(io::read_torch_package(file, members));
    } else if (io::looks_like_pytorch_legacy(*file)) {
      io::fuzz::touch(io::read_pytorch_legacy(file));
    } else {
      io::find_tensors(io::Pickle::read(file, 0, "pickle"), *file, {"fuzz", ""});
    }
  } catch (const FileError&) {
  }
  return 0;
}
