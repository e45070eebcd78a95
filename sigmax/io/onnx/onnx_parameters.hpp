// Lists of numbers that parametrize an ONNX node: an attribute, or an input that is a constant. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_external.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// More axes than any operator takes: longer lists are not read.
inline constexpr std::size_t kMostAxes = 65;

class Parameters {
 public:
  Parameters(const Model& model, const Dataflow& flow) : model_(model), flow_(flow), external_(model.file) {}

  /// The attribute, or else the input, if it is a vector of 64-bit integers within the file. Nothing if there is
  /// neither, it is not a constant or it is longer than kMostAxes. Throws FileError as describe() does.
  std::optional<std::vector<std::int64_t>> integers(const Node& node, std::uint32_t input, std::string_view attribute);

  /// The input as a vector of single-precision numbers, under the same conditions.
  std::optional<std::vector<float>> numbers(const Node& node, std::uint32_t input);

 private:
  template <class T>
  std::optional<std::vector<T>> constant(const Node& node, std::uint32_t input, DType dtype);

  const Model& model_;
  const Dataflow& flow_;
  ExternalData external_;
};

}  // namespace sigmax::io::onnx
