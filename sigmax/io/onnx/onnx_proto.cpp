#include "sigmax/io/onnx/onnx_proto.hpp"

#include <fmt/format.h>

#include <utility>

namespace sigmax::io::onnx {
namespace {

constexpr std::size_t kMaxRank = 64;
constexpr std::int32_t kUndefined = 0, kTensorType = 4, kGraphType = 5;  // AttributeProto.AttributeType

/// Wire type of the elements of a typed field of TensorProto; no value for every other field.
std::optional<WireType> typed_element(std::uint32_t field) {
  switch (field) {
    case 4: return WireType::fixed32;  // float_data
    case 5:
    case 7:
    case 11: return WireType::varint;   // int32_data, int64_data, uint64_data
    case 6: return WireType::bytes;     // string_data
    case 10: return WireType::fixed64;  // double_data
    default: return std::nullopt;
  }
}

void check_dimensions(const WireCursor& cursor, const Dimensions& dims, std::string_view name) {
  if (dims.size() > kMaxRank) {
    cursor.fail(fmt::format("tensor {} has {} dimensions, at most {} are read", shortened_in_quotes(name), dims.size(),
                            kMaxRank));
  }
  if (!element_count(dims)) {
    cursor.fail(
        fmt::format("tensor {} has shape {}, which is not a valid size", shortened_in_quotes(name), to_string(dims)));
  }
}

void read_dimension(const WireCursor& cursor, Dimensions& dims) {
  cursor.each_varint([&](std::uint64_t extent) {
    // One more than the limit is enough to refuse the tensor later, with its name.
    if (dims.size() <= kMaxRank) dims.push_back(static_cast<std::int64_t>(extent));
  });
}

}  // namespace

std::string shortened(std::string_view name) {
  constexpr std::size_t kMost = 80;
  const bool cut = name.size() > kMost;
  if (cut) {
    std::size_t end = kMost - 3;
    // Does not cut in the middle of a UTF-8 sequence.
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
    name = name.substr(0, end);
  }
  std::string text(name);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return cut ? text + "..." : text;
}

std::string shortened_in_quotes(std::string_view name) { return fmt::format("'{}'", shortened(name)); }

TensorProto read_tensor_proto(WireCursor cursor, Bytes message) {
  TensorProto tensor;
  tensor.message = message;
  while (cursor.next()) {
    switch (cursor.field()) {
      case 1: read_dimension(cursor, tensor.dims); break;
      case 2: tensor.data_type = cursor.int32(); break;
      case 3: cursor.fail("segmented tensors are not read");
      case 8: tensor.name = cursor.text(); break;
      case 9:
        if (tensor.raw) cursor.fail("raw_data appears twice");
        tensor.raw = cursor.bytes();
        break;
      case 14: tensor.external = cursor.int32() == 1; break;
      default: break;
    }
    if (const auto element = typed_element(cursor.field())) {
      const std::uint64_t count = cursor.count(*element);
      if (count == 0) continue;
      if (tensor.typed_field != 0 && tensor.typed_field != cursor.field()) {
        cursor.fail(fmt::format("elements lie in both field {} and field {}", tensor.typed_field, cursor.field()));
      }
      tensor.typed_field = cursor.field();
      tensor.typed_count += count;
    }
  }
  check_dimensions(cursor, tensor.dims, tensor.name);
  return tensor;
}

TensorProto read_sparse_tensor_proto(WireCursor cursor, Bytes message) {
  TensorProto tensor;
  Dimensions dims;
  bool has_values = false;
  while (cursor.next()) {
    if (cursor.field() == 1) {
      if (has_values) cursor.fail("values appear twice");
      has_values = true;
      tensor = read_tensor_proto(cursor.message("TensorProto"), cursor.bytes());
    }
    if (cursor.field() == 3) read_dimension(cursor, dims);
  }
  if (!has_values) cursor.fail("the sparse tensor has no values");
  check_dimensions(cursor, dims, tensor.name);
  tensor.dims = std::move(dims);
  tensor.message = message;
  return tensor;
}

Attribute read_attribute(const WireCursor& field) {
  Attribute attribute;
  attribute.message = field.bytes();
  std::int32_t type = kUndefined;
  bool tensor = false, graph = false;
  WireCursor cursor = field.message("AttributeProto");
  while (cursor.next()) {
    switch (cursor.field()) {
      case 1: attribute.name = cursor.text(); break;
      case 3: attribute.i = cursor.int64(); break;
      case 5:
        if (tensor) cursor.fail("the attribute has two tensors");
        tensor = true;
        break;
      case 6:
        if (graph) cursor.fail("the attribute has two graphs");
        graph = true;
        break;
      case 20: type = cursor.int32(); break;
      default: break;
    }
  }
  // Readers that rely on the type would see another value than readers that rely on the fields.
  if (type != kUndefined && ((tensor && type != kTensorType) || (graph && type != kGraphType))) {
    cursor.fail(fmt::format("attribute {} has type {} but holds a {}", shortened_in_quotes(attribute.name), type,
                            tensor ? "tensor" : "graph"));
  }
  return attribute;
}

}  // namespace sigmax::io::onnx
