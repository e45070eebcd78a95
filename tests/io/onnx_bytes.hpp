// ONNX models made field by field for tests, including models that no library would write.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/test_files.hpp"

namespace sigmax::io::testing {

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

/// A protobuf message under construction.
struct Message {
  std::string bytes;

  Message integer(std::uint32_t field, std::int64_t value) const {
    return {bytes + varint(field << 3) + varint(static_cast<std::uint64_t>(value))};
  }
  Message text(std::uint32_t field, std::string_view value) const {
    return {bytes + varint(field << 3 | 2) + varint(value.size()) + std::string(value)};
  }
  Message child(std::uint32_t field, const Message& value) const { return text(field, value.bytes); }
  Message fixed32(std::uint32_t field, float value) const { return {bytes + varint(field << 3 | 5) + raw(value)}; }
  Message operator+(const Message& other) const { return {bytes + other.bytes}; }
};

/// TensorProto.DataType.
enum OnnxType : std::int32_t {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
  kUint4 = 21,
  kInt4 = 22
};

using Extents = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

inline Message tensor_head(std::string_view name, std::int32_t type, const Extents& dims) {
  Message message;
  for (const auto extent : dims) message = message.integer(1, extent);
  return message.integer(2, type).text(8, name);
}

template <class T>
Message raw_tensor(std::string_view name, std::int32_t type, const Extents& dims, const std::vector<T>& values) {
  return tensor_head(name, type, dims).text(9, raw(values));
}

inline Message floats(std::string_view name, const Extents& dims, const std::vector<float>& values) {
  return raw_tensor(name, kFloat, dims, values);
}

/// A tensor whose elements are packed in one of the varint fields.
inline Message packed_tensor(std::string_view name, std::int32_t type, const Extents& dims, std::uint32_t field,
                             const std::vector<std::int64_t>& values) {
  std::string packed;
  for (const auto value : values) packed += varint(static_cast<std::uint64_t>(value));
  return tensor_head(name, type, dims).text(field, packed);
}

inline Message node(std::string_view op, const Names& inputs, const Names& outputs, std::string_view name = "") {
  Message message;
  for (const auto& input : inputs) message = message.text(1, input);
  for (const auto& output : outputs) message = message.text(2, output);
  return message.text(3, name).text(4, op);
}

inline Message attribute(std::string_view name, std::int64_t value) {
  return Message{}.child(5, Message{}.text(1, name).integer(3, value).integer(20, 2));
}
inline Message attribute(std::string_view name, const std::vector<std::int64_t>& values) {
  Message message = Message{}.text(1, name).integer(20, 7);
  for (const auto value : values) message = message.integer(8, value);
  return Message{}.child(5, message);
}
inline Message number_attribute(std::string_view name, float value) {
  return Message{}.child(5, Message{}.text(1, name).fixed32(2, value).integer(20, 1));
}
inline Message text_attribute(std::string_view name, std::string_view value) {
  return Message{}.child(5, Message{}.text(1, name).text(4, value).integer(20, 3));
}
/// In a function's body: the value is that of the call's attribute `of`, of this AttributeProto.AttributeType.
inline Message attribute_reference(std::string_view name, std::string_view of, std::int64_t type) {
  return Message{}.child(5, Message{}.text(1, name).integer(20, type).text(21, of));
}
inline Message tensor_attribute(std::string_view name, const Message& tensor) {
  return Message{}.child(5, Message{}.text(1, name).integer(20, 4).child(5, tensor));
}
inline Message graph_attribute(std::string_view name, const Message& graph) {
  return Message{}.child(5, Message{}.text(1, name).integer(20, 5).child(6, graph));
}

inline Message constant(std::string_view output, const Message& tensor, std::string_view name = "") {
  return node("Constant", {}, {std::string(output)}, name) + tensor_attribute("value", tensor);
}

inline Message graph(const std::vector<Message>& nodes, const std::vector<Message>& initializers = {},
                     const Names& inputs = {}, const Names& outputs = {}) {
  Message message;
  for (const auto& one : nodes) message = message.child(1, one);
  for (const auto& one : initializers) message = message.child(5, one);
  for (const auto& one : inputs) message = message.child(11, Message{}.text(1, one));
  for (const auto& one : outputs) message = message.child(12, Message{}.text(1, one));
  return message;
}

/// A ValueInfoProto of floats. An extent of text is symbolic; an empty text leaves it open.
inline Message value_info(std::string_view name, const std::vector<std::variant<std::int64_t, std::string>>& extents,
                          std::int64_t type = kFloat) {
  Message shape;
  for (const auto& each : extents) {
    const auto* number = std::get_if<std::int64_t>(&each);
    const auto* symbol = std::get_if<std::string>(&each);
    Message extent;
    if (number != nullptr) extent = extent.integer(1, *number);
    if (symbol != nullptr && !symbol->empty()) extent = extent.text(2, *symbol);
    shape = shape.child(1, extent);
  }
  return Message{}.text(1, name).child(2, Message{}.child(1, Message{}.integer(1, type).child(2, shape)));
}

/// A graph whose inputs and outputs are ValueInfoProtos.
inline Message typed_graph(const std::vector<Message>& nodes, const std::vector<Message>& initializers,
                           const std::vector<Message>& inputs, const std::vector<Message>& outputs) {
  Message message = graph(nodes, initializers);
  for (const auto& one : inputs) message = message.child(11, one);
  for (const auto& one : outputs) message = message.child(12, one);
  return message;
}

/// A FunctionProto of the domain `local`.
inline Message function(std::string_view name, const Names& inputs, const Names& outputs,
                        const std::vector<Message>& nodes) {
  Message message = Message{}.text(1, name).text(10, "local");
  for (const auto& one : inputs) message = message.text(4, one);
  for (const auto& one : outputs) message = message.text(5, one);
  for (const auto& one : nodes) message = message.child(7, one);
  return message;
}
/// A node that calls it.
inline Message call(std::string_view name, const Names& inputs, const Names& outputs, std::string_view title = "") {
  return node(name, inputs, outputs, title).text(7, "local");
}

/// The OperatorSetIdProto of ONNX's own operators, as a field of the model.
inline Message opset(std::int64_t version) { return Message{}.child(8, Message{}.text(1, "").integer(2, version)); }

inline Message model(const Message& main_graph) { return Message{}.integer(1, 8).child(7, main_graph); }

}  // namespace sigmax::io::testing
