#include "sigmax/io/computation/stated.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "sigmax/core/dtype.hpp"
#include "sigmax/io/onnx/onnx_tensor.hpp"
#include "sigmax/io/onnx/protobuf_wire.hpp"

namespace sigmax::io {
namespace {

constexpr std::size_t kMostAxes = 64;

/// TensorShapeProto.Dimension.
SymbolicExtent stated_extent(WireCursor cursor) {
  SymbolicExtent extent = std::string();
  while (cursor.next()) {
    if (cursor.field() == 1) extent = cursor.int64();
    if (cursor.field() == 2) extent = std::string(cursor.text());
  }
  // Old exporters write -1, and some 0, for an extent that they leave open.
  if (const auto* number = std::get_if<std::int64_t>(&extent); number != nullptr && *number <= 0) return std::string();
  return extent;
}

/// TypeProto.Tensor.
void read_tensor_type(WireCursor cursor, ComputationValue& value) {
  while (cursor.next()) {
    if (cursor.field() == 1) {
      const std::int32_t number = cursor.int32();
      const DType dtype = onnx::data_type(number);
      value.dtype = dtype == DType::unknown ? fmt::format("onnx type {}", number) : std::string(name(dtype));
    }
    if (cursor.field() != 2) continue;
    value.has_shape = true;
    for (WireCursor shape = cursor.message("TensorShapeProto"); shape.next();) {
      if (shape.field() != 1) continue;
      if (value.shape.size() == kMostAxes) shape.fail(fmt::format("a shape has more than {} axes", kMostAxes));
      value.shape.push_back(stated_extent(shape.message("Dimension")));
    }
  }
}

void read_type(WireCursor cursor, ComputationValue& value) {
  while (cursor.next()) {
    switch (cursor.field()) {
      case 1: read_tensor_type(cursor.message("TypeProto.Tensor"), value); break;
      case 4: value.dtype = "sequence"; break;
      case 5: value.dtype = "map"; break;
      case 8: value.dtype = "sparse tensor"; break;
      case 9: value.dtype = "optional"; break;
      default: break;
    }
  }
}

}  // namespace

ComputationValue stated_value(const MappedFile& file, onnx::Bytes value_info) {
  ComputationValue value;
  for (WireCursor cursor(file, value_info, "ValueInfoProto"); cursor.next();) {
    if (cursor.field() == 1) value.name = std::string(cursor.text());
    if (cursor.field() == 2) read_type(cursor.message("TypeProto"), value);
  }
  return value;
}

std::int64_t stated_opset(const MappedFile& file) {
  std::int64_t opset = 1;
  for (WireCursor cursor(file, file.bytes(), "ModelProto"); cursor.next();) {
    if (cursor.field() != 8) continue;
    std::string_view domain;
    std::int64_t version = 0;
    for (WireCursor import = cursor.message("OperatorSetIdProto"); import.next();) {
      if (import.field() == 1) domain = import.text();
      if (import.field() == 2) version = import.int64();
    }
    if (!domain.empty() && domain != "ai.onnx") continue;
    if (version < 1) cursor.fail(fmt::format("the model imports version {} of ONNX's operators", version));
    opset = version;
  }
  return opset;
}

}  // namespace sigmax::io
