// What an ONNX graph states about itself and its values. Internal to io/.
#pragma once

#include <cstdint>
#include <string_view>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/computation.hpp"
#include "sigmax/io/onnx/onnx_proto.hpp"

namespace sigmax::io {

/// The value that a ValueInfoProto describes. Throws FileError if it is malformed or has more than 64 axes.
ComputationValue stated_value(const MappedFile& file, onnx::Bytes value_info);

/// The version of ONNX's own operators that the ModelProto imports; 1 if it imports none, as files of the first version
/// do. Throws FileError if it is not positive.
std::int64_t stated_opset(const MappedFile& file);

}  // namespace sigmax::io
