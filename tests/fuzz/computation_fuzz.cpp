// Expands any bytes into the nodes of a computation graph: FileError is the only way to refuse.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/computation/expansion.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  // A folder that does not exist: external data is never found, but its checks run.
  const auto file = sigmax::io::MappedFile::from_bytes("/nonexistent/model.onnx", {bytes, bytes + size});
  try {
    for (const auto& constant : sigmax::io::expanded_computation(file).constants) {
      if (!constant.load) continue;
      try {
        constant.load();
      } catch (const sigmax::FileError&) {
      }
    }
  } catch (const sigmax::FileError&) {
  }
  return 0;
}
