#include "sigmax/io/onnx/onnx_stated_shapes.hpp"

#include <cstdint>

#include "sigmax/core/error.hpp"
#include "sigmax/io/onnx/onnx_extent.hpp"
#include "sigmax/io/onnx/protobuf_wire.hpp"

namespace sigmax::io::onnx {
namespace {

// TensorShapeProto.
Dimensions stated_shape(WireCursor cursor) {
  Dimensions shape;
  while (cursor.next()) {
    if (cursor.field() != 1) continue;
    std::int64_t extent = kUnknownExtent;
    for (WireCursor dimension = cursor.message("Dimension"); dimension.next();) {
      if (dimension.field() == 1) extent = checked(dimension.int64());
    }
    if (shape.size() <= kMostRank) shape.push_back(extent);
  }
  return shape;
}

}  // namespace

// ValueInfoProto, TypeProto, TypeProto.Tensor.
StatedValue stated_value(const MappedFile& file, Bytes message) {
  StatedValue stated;
  try {
    for (WireCursor value(file, message, "ValueInfoProto"); value.next();) {
      if (value.field() == 1) stated.name = value.text();
      if (value.field() != 2) continue;
      for (WireCursor type = value.message("TypeProto"); type.next();) {
        if (type.field() != 1) continue;
        for (WireCursor tensor = type.message("TypeProto.Tensor"); tensor.next();) {
          if (tensor.field() == 2) stated.shape = stated_shape(tensor.message("TensorShapeProto"));
        }
      }
    }
  } catch (const FileError&) {
    return {stated.name, std::nullopt};  // nothing else depends on it
  }
  if (stated.shape && stated.shape->size() > kMostRank) stated.shape.reset();
  return stated;
}

}  // namespace sigmax::io::onnx
