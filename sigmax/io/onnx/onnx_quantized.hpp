// Integer weights of ONNX models that represent real ones: q together with a scale and a zero point. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/io/onnx/onnx_dataflow.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"
#include "sigmax/io/onnx/onnx_tensor.hpp"

namespace sigmax::io::onnx {

/// What the graph says about one integer weight. Without a `problem`, its value at (o, a, i), for a shape of
/// outer x extent x inner around the axis, is (q - zero_point[p]) scale[p] with
/// p = (o ceil(extent / block) + a / block) inner + i for blocks, p = a for an axis, p = 0 if there is one parameter.
struct Quantization {
  std::string problem;               ///< not empty: why the weight cannot be dequantized
  std::string by;                    ///< the node that dequantizes or consumes the integers
  std::uint32_t scale = kNone;       ///< index in Model::weights
  std::uint32_t zero_point = kNone;  ///< likewise; kNone: 0
  std::int64_t axis = 0;             ///< not negative; meaningful if the scale has more than one element
  std::int64_t block = 0;            ///< 0: one parameter for each index of the axis
  DType result = DType::f32;
  bool packed = false;  ///< with a `problem`: the operator packs its integers in its own way, whatever their shape

  bool same_values(const Quantization& other) const {
    return scale == other.scale && zero_point == other.zero_point && axis == other.axis && block == other.block &&
           result == other.result;
  }
};

/// For each of model.weights, what the graph says about it; no value for weights that no quantized operator consumes.
/// `sources` has one entry per weight. Supported: DequantizeLinear (per tensor, per axis, blocked), QLinearConv,
/// QLinearMatMul, QGemm, MatMulIntegerToFloat, DynamicQuantizeMatMul, and MatMulInteger and ConvInteger whose result is
/// multiplied by (dynamic scale of the input) * (constant scale of the weight).
std::vector<std::optional<Quantization>> find_quantizations(const Model& model, const Dataflow& flow,
                                                            const std::vector<TensorSource>& sources);

/// Integers of 4 to 32 bits. Throws FileError as TensorSource::load does.
std::vector<std::int64_t> read_integers(const TensorSource& source);

/// (q - zero_point) scale as ONNX defines it: the difference in integers, the product in f32, rounded to the scale's
/// type if that is narrower. Throws FileError as TensorSource::load does.
Tensor dequantize(const TensorSource& q, const TensorSource& scale, const std::optional<TensorSource>& zero_point,
                  const Quantization& how);

}  // namespace sigmax::io::onnx
