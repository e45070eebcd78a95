#include "sigmax/io/computation.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/computation/expansion.hpp"
#include "sigmax/io/onnx/onnx.hpp"
#include "sigmax/io/onnx/onnx_proto.hpp"

namespace sigmax::io {

std::string ComputationNode::title() const {
  std::string_view called = name;
  if (called.empty() && !outputs.empty()) called = outputs.front();
  return fmt::format("{} {}", onnx::shortened(op), onnx::shortened_in_quotes(called));
}

Computation read_computation(const std::filesystem::path& file) {
  const auto mapped = MappedFile::open(file);
  if (!looks_like_onnx(*mapped)) {
    throw FileError(file.string(), "", "not an ONNX model: a network's graph is read from ONNX only");
  }
  Computation computation = expanded_computation(mapped);
  mapped->check_intact();
  return computation;
}

}  // namespace sigmax::io
