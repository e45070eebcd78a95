#include "sigmax/io/computation/attribute_values.hpp"

#include <bit>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/io/onnx/protobuf_wire.hpp"

namespace sigmax::io {
namespace {

AttributeType type_of_field(std::uint32_t field) {
  switch (field) {
    case 2: return AttributeType::number;
    case 3: return AttributeType::integer;
    case 4: return AttributeType::text;
    case 5: return AttributeType::tensor;
    case 6: return AttributeType::graph;
    case 7: return AttributeType::numbers;
    case 8: return AttributeType::integers;
    case 9: return AttributeType::texts;
    default: return AttributeType::undefined;
  }
}

double number(std::uint32_t word) { return static_cast<double>(std::bit_cast<float>(word)); }

double single_number(const WireCursor& cursor) {
  double value = 0;
  if (cursor.wire_type() != WireType::fixed32) cursor.fail("a number of an attribute must take 4 bytes");
  cursor.each_fixed32([&](std::uint32_t word) { value = number(word); });
  return value;
}

/// Memory of a list of integers that nothing else has.
Tensor integer_tensor(std::vector<std::int64_t> values, Dimensions shape) {
  auto owner = std::make_shared<const std::vector<std::int64_t>>(std::move(values));
  const auto* data = reinterpret_cast<const std::byte*>(owner->data());
  return Tensor(DType::i64, std::move(shape), data, std::move(owner));
}

Tensor number_tensor(const std::vector<double>& values, Dimensions shape) {
  std::vector<float> stored;  // as an attribute stores them
  stored.reserve(values.size());
  for (const double each : values) stored.push_back(static_cast<float>(each));
  return Tensor::copy_of(stored, std::move(shape));
}

}  // namespace

AttributeHead attribute_head(const MappedFile& file, const onnx::Attribute& attribute) {
  AttributeHead head;
  AttributeType of_field = AttributeType::undefined;
  for (WireCursor cursor(file, attribute.message, "AttributeProto"); cursor.next();) {
    const std::uint32_t field = cursor.field();
    if (field == 6 || field == 11) ++head.graphs;
    if (field == 20) head.type = static_cast<AttributeType>(cursor.int32());
    if (field == 21) head.refers_to = cursor.text();
    if (type_of_field(field) != AttributeType::undefined) of_field = type_of_field(field);
  }
  if (head.type == AttributeType::undefined) head.type = of_field;
  return head;
}

std::optional<AttributeValue> plain_value(const MappedFile& file, const onnx::Attribute& attribute,
                                          AttributeType type) {
  double one_number = 0;
  std::string one_text;
  std::vector<double> numbers;
  std::vector<std::int64_t> integers;
  std::vector<std::string> texts;
  for (WireCursor cursor(file, attribute.message, "AttributeProto"); cursor.next();) {
    switch (cursor.field()) {
      case 2: one_number = single_number(cursor); break;
      case 4: one_text = std::string(cursor.text()); break;
      case 7: cursor.each_fixed32([&](std::uint32_t word) { numbers.push_back(number(word)); }); break;
      case 8:
        cursor.each_varint([&](std::uint64_t value) { integers.push_back(static_cast<std::int64_t>(value)); });
        break;
      case 9: texts.emplace_back(cursor.text()); break;
      default: break;
    }
  }
  switch (type) {
    case AttributeType::number: return one_number;
    case AttributeType::integer: return attribute.i;
    case AttributeType::text: return one_text;
    case AttributeType::numbers: return numbers;
    case AttributeType::integers: return integers;
    case AttributeType::texts: return texts;
    default: return std::nullopt;
  }
}

AttributeValue not_read() { return std::string("(a value that is not read)"); }

std::optional<Tensor> constant_of(std::string_view attribute, const AttributeValue& value) {
  const auto count = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  if (attribute == "value") {
    if (const auto* tensor = std::get_if<Tensor>(&value)) return *tensor;
  } else if (attribute == "value_int") {
    if (const auto* one = std::get_if<std::int64_t>(&value)) return integer_tensor({*one}, {});
  } else if (attribute == "value_float") {
    if (const auto* one = std::get_if<double>(&value)) return number_tensor({*one}, {});
  } else if (attribute == "value_ints") {
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return integer_tensor(*list, {count(*list)});
  } else if (attribute == "value_floats") {
    if (const auto* list = std::get_if<std::vector<double>>(&value)) return number_tensor(*list, {count(*list)});
  }
  return std::nullopt;
}

}  // namespace sigmax::io
