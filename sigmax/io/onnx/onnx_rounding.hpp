// Real weights that an ONNX graph rounds: to integers and back (quantization-aware training), or to a narrower type.
// Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"
#include "sigmax/io/onnx/onnx_tensor.hpp"

namespace sigmax::io::onnx {

/// QuantizeLinear and DequantizeLinear with the same constants: x becomes (q - z) s with
/// q = saturate(round(x / s) + z), ties to even, and one s and z for all or for each index of the axis.
struct Rounding {
  std::string by;                    ///< the node that quantizes
  std::uint32_t scale = kNone;       ///< index in Model::weights, of type f32
  std::uint32_t zero_point = kNone;  ///< likewise; kNone: 0
  std::int64_t axis = 0;             ///< not negative; meaningful if the scale has more than one element
  DType integers = DType::u8;

  bool same_values(const Rounding& other) const {
    return scale == other.scale && zero_point == other.zero_point && axis == other.axis && integers == other.integers;
  }
};

struct Roundings {
  /// For each of Model::weights: how the graph rounds it wherever it uses it. Only weights of type f32 have one.
  std::vector<std::optional<Rounding>> weights;
  /// For each of Model::nodes: true if it looks like one that only moves elements and changes them: a Cast to a type
  /// that cannot hold them, and every QuantizeLinear that does not belong to one of `weights`.
  std::vector<bool> changes;
};

/// `sources` has one entry per weight. Cost: one visit a node and an input.
Roundings find_roundings(const Model& model, const Dataflow& flow, const std::vector<TensorSource>& sources);

/// The weight as the graph rounds it: the division in f32, the product as of dequantize(). NaN stays NaN. Throws
/// FileError as TensorSource::load does.
Tensor rounded_weight(const TensorSource& weight, const TensorSource& scale,
                      const std::optional<TensorSource>& zero_point, const Rounding& how);

}  // namespace sigmax::io::onnx
