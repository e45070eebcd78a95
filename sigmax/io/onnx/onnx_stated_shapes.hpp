// The shapes that an ONNX graph states about its values. Internal to io/.
#pragma once

#include <optional>
#include <string_view>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/onnx/onnx_proto.hpp"

namespace sigmax::io::onnx {

struct StatedValue {
  std::string_view name;
  std::optional<Dimensions> shape;  ///< nothing if it is not stated, malformed, or has more than kMostRank axes
};

/// A ValueInfoProto. Never throws for its bytes: nothing but the shape depends on them.
StatedValue stated_value(const MappedFile& file, Bytes message);

}  // namespace sigmax::io::onnx
