// Tensor data that an ONNX model keeps in other files. Internal to io/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// Finds external data and maps each file once. A model is untrusted: open_companion() (io/bytes/companion_file.hpp)
/// defines where its data may lie and which links are followed.
class ExternalData {
 public:
  struct Place {
    std::shared_ptr<const MappedFile> file;
    std::uint64_t offset = 0;
  };

  explicit ExternalData(std::shared_ptr<const MappedFile> model) : model_(std::move(model)) {}

  /// Where the tensor's `size` bytes lie. Throws FileError, naming the model and the tensor, if the location is refused
  /// or missing, offset or length is not a number, the length is not `size`, or the range is outside the file.
  Place find(const TensorProto& tensor, std::uint64_t size);

 private:
  std::shared_ptr<const MappedFile> open(const TensorProto& tensor, std::string_view location);

  std::shared_ptr<const MappedFile> model_;
  std::map<std::filesystem::path, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace sigmax::io::onnx
