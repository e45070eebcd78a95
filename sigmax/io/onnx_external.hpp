// Tensor data that an ONNX model keeps in other files beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>

#include "sigmax/io/mapped_file.hpp"
#include "sigmax/io/onnx_model.hpp"

namespace sigmax::io::onnx {

/// Finds external data. A model is untrusted: the location must be a relative path below the model's folder, without
/// `..`, through real folders (no symbolic link in any component) to a regular file. (CVE-2022-25882, CVE-2024-5187,
/// CVE-2024-27318 and the like read files elsewhere by exactly these ways.) Each file is mapped once.
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
