// Messages of an ONNX model that are read on their own: tensors and attributes, as plain data that points into the
// mapped file. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/onnx/protobuf_wire.hpp"

namespace sigmax::io::onnx {

using Bytes = std::span<const std::byte>;

/// A TensorProto, or a list of numbers in an attribute that represents one.
struct TensorProto {
  std::string_view name;
  std::int32_t data_type = 0;  ///< TensorProto.DataType
  Dimensions dims;             ///< valid: not negative, the product within 2^63 - 1
  Bytes message;               ///< the message with the typed fields and external_data
  std::optional<Bytes> raw;
  std::uint32_t typed_field = 0;  ///< the field of `message` that holds typed elements, 0 if none does
  std::uint64_t typed_count = 0;  ///< elements in that field
  bool external = false;
  bool in_attribute = false;  ///< `message` is an AttributeProto
};

/// An AttributeProto.
struct Attribute {
  std::string_view name;
  std::int64_t i = 0;
  Bytes message;
};

/// `cursor` walks the fields of `message`. Throws FileError if the tensor is malformed, segmented, or has a shape that
/// is not a valid size.
TensorProto read_tensor_proto(WireCursor cursor, Bytes message);

/// The values of a SparseTensorProto, with the shape of the whole tensor and the whole message.
TensorProto read_sparse_tensor_proto(WireCursor cursor, Bytes message);

/// The AttributeProto at `field`. Its tensors and graphs stay in its message.
Attribute read_attribute(const WireCursor& field);

/// The name for messages and provenance: control characters replaced, cut to at most 80 bytes, `...` included. (If a
/// long name is repeated in many places, memory must not grow with the square of the file's size.)
std::string shortened(std::string_view name);
/// shortened() between `'`. io::in_quotes keeps 80 bytes and adds the dots.
std::string shortened_in_quotes(std::string_view name);

}  // namespace sigmax::io::onnx
