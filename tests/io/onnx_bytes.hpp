// ONNX models made field by field for tests, including models that no library would write.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
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

inline Message model(const Message& main_graph) { return Message{}.integer(1, 8).child(7, main_graph); }

}  // namespace sigmax::io::testing
