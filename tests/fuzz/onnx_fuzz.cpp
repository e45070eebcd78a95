// Opens any bytes as an ONNX model and loads every tensor: FileError is the only way to refuse.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/onnx/onnx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  // A folder that does not exist: external data is never found, but its checks run.
  const auto file = sigmax::io::MappedFile::from_bytes("/nonexistent/model.onnx", {bytes, bytes + size});
  sigmax::io::looks_like_onnx(*file);
  try {
    for (const auto& entry : sigmax::io::read_onnx(file)) {
      if (!entry.load) continue;
      try {
        // Every byte is touched, so that a range outside the file cannot go unnoticed.
        const sigmax::Tensor tensor = entry.load();
        const std::size_t length = static_cast<std::size_t>(tensor.size()) * sigmax::size_of(tensor.dtype());
        std::uint8_t sum = 0;
        for (std::size_t i = 0; i < length; ++i) sum ^= std::to_integer<std::uint8_t>(tensor.data()[i]);
        volatile std::uint8_t sink = sum;
        static_cast<void>(sink);
      } catch (const sigmax::FileError&) {
      }
    }
  } catch (const sigmax::FileError&) {
  }
  return 0;
}
