// BatchNormalization of inference: a factor and an offset for each channel, folded into the linear map before it.
//
// With s = gain / sqrt(variance + epsilon), y = s (x - mean) + bias. Behind x = A u + a it is y = (S A) u + s (a -
// mean)
// + bias, whose norm is that of S A, not max |s| times that of A. So that the weights of S A are not rounded, s is
// rounded to 29 bits: times weights of at most 24 bits (f32, f16, bf16) each product is a double. What s loses, at most
// 2^-29 of it, is the D of Affine. Weights of more bits, for which a product would be rounded, are not folded: the
// normalization stays a diagonal map of its own, with s in double.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/scaled_rows.hpp"
#include "sigmax/graph/onnx/shapes.hpp"

namespace sigmax::graph::onnx {
namespace {

/// s as computed in double: variance + epsilon, the root and the quotient each round once, the root halves what was
/// before it.
constexpr double kScaleError = 3 * kRounding;
/// What rounding to 29 bits adds.
constexpr int kFoldedBits = 29;
constexpr double kFoldedError = 0x1p-29 * (1 + 0x1p-20);

double rounded_to_bits(double value, int bits) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, bits)), exponent - bits);
}

std::vector<double> channel_numbers(const Builder& builder, std::size_t operand, std::int64_t channels) {
  const Value* value = builder.operand(operand);
  if (!value->known) throw RefusedNode{"computes its statistics or its gain from the input"};
  auto numbers = value->known->numbers();
  if (static_cast<std::int64_t>(numbers.size()) != channels) {
    throw RefusedNode{fmt::format("has {} statistics for {} channels", numbers.size(), channels)};
  }
  return numbers;
}

/// y = s x + t for each channel, |t - shift| <= shift_error.
struct Normalization {
  std::vector<double> scale, shift, shift_error;
};

/// Of sum = other + fl(s x), computed with a scale that is within 2 kScaleError of s, relatively: how far it is from
/// the exact one, if x itself is within `error`.
double product_and_sum_error(double scale, double x, double error, double sum) {
  if (scale == 0 || (x == 0 && error == 0)) return 0;
  const double product = std::fabs(scale) * std::fabs(x);
  const double rounded = product * (2 * kScaleError + 2 * kRounding) + std::fabs(scale) * error * (1 + 2 * kScaleError);
  return (rounded + kRounding * std::fabs(sum)) * (1 + 0x1p-48) + 0x1p-1070;
}

Normalization normalization(const Builder& builder, std::int64_t channels) {
  const auto gain = channel_numbers(builder, 1, channels), bias = channel_numbers(builder, 2, channels);
  const auto mean = channel_numbers(builder, 3, channels), variance = channel_numbers(builder, 4, channels);
  const double epsilon = builder.number("epsilon", static_cast<double>(1e-5F));
  Normalization result;
  for (std::size_t c = 0; c < gain.size(); ++c) {
    const double under = variance[c] + epsilon;
    const double scale = gain[c] / std::sqrt(under);
    if (!(under > 0) || !std::isfinite(scale) || (gain[c] != 0 && !std::isnormal(scale))) {
      throw RefusedNode{fmt::format("divides by sqrt({} + {})", variance[c], epsilon)};
    }
    result.scale.push_back(scale);
    result.shift.push_back(bias[c] - scale * mean[c]);
    result.shift_error.push_back(product_and_sum_error(scale, mean[c], 0, result.shift.back()));
    // Beyond the range of double nothing is known of the offset.
    if (std::isnan(result.shift_error.back())) result.shift_error.back() = kInfinity;
  }
  return result;
}

/// A number a channel for each entry of [outer, channels, inner].
std::vector<double> for_entries(const std::vector<double>& channels, std::int64_t outer, std::int64_t inner) {
  std::vector<double> result;
  result.reserve(static_cast<std::size_t>(outer * inner) * channels.size());
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const double each : channels) result.insert(result.end(), static_cast<std::size_t>(inner), each);
  }
  return result;
}

std::vector<Value> import_normalization(Builder& builder) {
  const Value& x = *builder.operand(0);
  if (builder.integer("training_mode", 0) != 0) {
    throw RefusedNode{"normalizes by the batch's own statistics (training_mode is 1)"};
  }
  if (builder.opset() < 7 && builder.integer("is_test", 0) == 0) {
    throw RefusedNode{"normalizes by the batch's own statistics (is_test is 0)"};
  }
  if (builder.opset() < 9 && builder.integer("spatial", 1) == 0) throw RefusedNode{"has statistics for each entry"};
  const std::int64_t outer = x.shape.empty() ? 1 : x.shape[0];
  const std::int64_t channels = x.shape.size() < 2 ? 1 : x.shape[1];
  const std::int64_t inner = x.shape.size() < 2 ? 1 : extent_product(x.shape, 2, x.shape.size());
  counted(x.shape);
  Normalization norm = normalization(builder, channels);
  const Index source = builder.node_of(x);
  const Node before = builder.emitted(source);
  if (const auto* affine = std::get_if<Affine>(&before.operation)) {
    std::vector<double> folded;
    for (const double each : norm.scale) folded.push_back(rounded_to_bits(each, kFoldedBits));
    if (const auto map = rows_scaled(affine->map, folded, outer)) {
      std::vector<double> offset = for_entries(norm.shift, outer, inner);
      std::vector<double> offset_error = for_entries(norm.shift_error, outer, inner);
      const auto scale = for_entries(norm.scale, outer, inner);
      for (std::size_t e = 0; e < offset.size(); ++e) {
        const double given = affine->offset.empty() ? 0 : affine->offset[e];
        const double given_error = affine->offset_error.empty() ? 0 : affine->offset_error[e];
        offset[e] += scale[e] * given;
        offset_error[e] += product_and_sum_error(scale[e], given, given_error, offset[e]);
        offset_error[e] = std::isnan(offset_error[e]) ? kInfinity : offset_error[e] * (1 + 0x1p-50);
      }
      const double own = kFoldedError + 2 * kScaleError;
      const double error = (own + affine->row_error + own * affine->row_error) * (1 + 0x1p-50);
      return {
          emit_affine(builder, *map, before.inputs.at(0), x.shape, std::move(offset), error, std::move(offset_error))};
    }
  }
  return {emit_affine(builder, scaling(for_entries(norm.scale, outer, inner)), source, x.shape,
                      for_entries(norm.shift, outer, inner), kScaleError * 2,
                      for_entries(norm.shift_error, outer, inner))};
}

}  // namespace

std::span<const NamedRule> batch_rules() {
  static constexpr NamedRule kRules[] = {{"BatchNormalization", import_normalization}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
