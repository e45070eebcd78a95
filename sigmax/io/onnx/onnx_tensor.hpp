// One ONNX tensor: type and shape checked against its bytes, values read on demand. Internal to io/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/onnx/onnx_external.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// The type that TensorProto.DataType numbers so; `unknown` for the others.
DType data_type(std::int64_t number);

/// Where a tensor's elements are. Holds the file alive; cheap to copy.
struct TensorSource {
  std::string name;
  DType dtype = DType::unknown;
  std::string dtype_name;
  Dimensions shape;
  std::string unreadable;  ///< not empty: why the elements cannot be read

  std::shared_ptr<const MappedFile> file;  ///< the model, or the file of its external data
  std::optional<ByteRange> bytes;          ///< raw or external elements; no value if they lie in typed fields
  Bytes message;                           ///< the message with the typed field
  std::uint32_t typed_field = 0;

  /// The elements: a mapping for raw and external data, a decoded copy for typed fields. Throws FileError if a typed
  /// element does not fit its type.
  Tensor load() const;

  /// As load(), but with 4-bit integers as pairs in u8, the first element in the low half.
  Tensor load_packed() const;
};

/// Checks the tensor. Throws FileError if there are not as many bytes or typed elements as type and shape require, or
/// they are of another type or given in two ways, and as ExternalData::find does. Unknown types and sparse tensors are
/// not errors but `unreadable`.
TensorSource describe(const Model& model, const Weight& weight, ExternalData& external);

}  // namespace sigmax::io::onnx
