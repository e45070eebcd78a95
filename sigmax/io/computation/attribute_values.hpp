// The values of attributes of ONNX's nodes. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "sigmax/io/computation.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io {

/// AttributeProto.AttributeType.
enum class AttributeType : std::int32_t {
  undefined = 0,
  number = 1,
  integer = 2,
  text = 3,
  tensor = 4,
  graph = 5,
  numbers = 6,
  integers = 7,
  texts = 8,
};

/// An attribute before its tensor or graph is read.
struct AttributeHead {
  AttributeType type = AttributeType::undefined;
  std::string_view refers_to;  ///< not empty: the attribute of the function's call that gives the value
  std::uint32_t graphs = 0;    ///< how many graphs it holds, in a list or alone
};

/// Files without a type (of the first version) have the type of the field that is there. Throws FileError if the
/// attribute is malformed.
AttributeHead attribute_head(const MappedFile& file, const onnx::Attribute& attribute);

using AttributeValue = decltype(ComputationAttribute::value);

/// The number, text or list of an attribute of such a type; nothing for the others. Throws FileError if it is
/// malformed.
std::optional<AttributeValue> plain_value(const MappedFile& file, const onnx::Attribute& attribute, AttributeType type);

/// What stands for a value that is not read: a text, so that nobody who looks for the real type finds a default
/// instead.
AttributeValue not_read();

/// The value of a Constant node whose one attribute is `value`; nothing if it is not the tensor of any.
std::optional<Tensor> constant_of(std::string_view attribute, const AttributeValue& value);

}  // namespace sigmax::io
