// Conv, ConvTranspose and MaxPool: windows that slide over images.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/convolution/framework_terms.hpp"

namespace sigmax::graph::onnx {
namespace {

using Integers = std::vector<std::int64_t>;

OnnxConvolution attributes(const Builder& builder, Dimensions weight_shape, bool is_transposed) {
  OnnxConvolution terms;
  terms.weight_shape = std::move(weight_shape);
  terms.transposed = is_transposed;
  terms.kernel_shape = builder.integers("kernel_shape").value_or(Integers());
  terms.strides = builder.integers("strides").value_or(Integers());
  terms.pads = builder.integers("pads").value_or(Integers());
  terms.auto_pad = builder.text("auto_pad", "NOTSET");
  terms.dilations = builder.integers("dilations").value_or(Integers());
  terms.group = builder.integer("group", 1);
  if (is_transposed) {
    terms.output_padding = builder.integers("output_padding").value_or(Integers());
    terms.output_shape = builder.integers("output_shape").value_or(Integers());
  }
  return terms;
}

/// [batch, channels, output...].
Dimensions image_shape(std::int64_t batch, std::int64_t channels, const Integers& size) {
  Dimensions shape{batch, channels};
  shape.insert(shape.end(), size.begin(), size.end());
  return shape;
}

std::vector<double> channel_offset(const Builder& builder, std::int64_t batch, std::int64_t channels,
                                   std::int64_t positions) {
  const Value* bias = builder.operand(2);
  if (bias == nullptr) return {};
  if (!bias->known) throw RefusedNode{"computes its bias from the input"};
  const auto numbers = bias->known->numbers();
  if (static_cast<std::int64_t>(numbers.size()) != channels) {
    throw RefusedNode{fmt::format("has {} biases for {} channels", numbers.size(), channels)};
  }
  std::vector<double> offset;
  offset.reserve(static_cast<std::size_t>(counted({batch, channels, positions})));
  for (std::int64_t b = 0; b < batch; ++b) {
    for (const double each : numbers) offset.insert(offset.end(), static_cast<std::size_t>(positions), each);
  }
  return offset;
}

std::vector<Value> import_images(Builder& builder, bool is_transposed) {
  const Value &x = *builder.operand(0), &weight = *builder.operand(1);
  if (!weight.known) throw RefusedNode{"computes its kernel from the input"};
  if (weight.known->is_integer()) throw RefusedNode{"has a kernel of integers"};
  if (x.known) throw RefusedNode{"convolves a constant with a constant"};
  if (x.shape.size() != weight.shape.size() || x.shape.size() < 3) {
    throw RefusedNode{fmt::format("convolves a value of shape {} with a kernel of shape {}", to_string(x.shape),
                                  to_string(weight.shape))};
  }
  const Integers size(x.shape.begin() + 2, x.shape.end());
  const ConvolutionLayer layer = convolution_layer(attributes(builder, weight.shape, is_transposed), size);
  if (layer.in_channels != x.shape[1]) {
    throw RefusedNode{fmt::format("convolves {} channels with a kernel of {}", x.shape[1], layer.in_channels)};
  }
  const ConvolutionGeometry geometry(layer, size);
  Dimensions shape = image_shape(x.shape[0], layer.out_channels, geometry.output_size());
  const std::int64_t positions = extent_product(shape, 2, shape.size());
  auto offset = channel_offset(builder, x.shape[0], layer.out_channels, positions);
  return {emit_affine(builder, repeated(x.shape[0], convolution<double>(weight.known->values, geometry)),
                      builder.node_of(x), std::move(shape), std::move(offset))};
}

std::vector<Value> import_convolution(Builder& builder) { return import_images(builder, false); }
std::vector<Value> import_transposed_convolution(Builder& builder) { return import_images(builder, true); }

/// With ceil_mode the last window may reach beyond the padded image, if it begins before its end padding.
void round_up(ConvolutionAxis& axis, std::int64_t n) {
  const std::int64_t span = n + axis.pad_low + axis.pad_high - axis.reach();
  if (span < 0) return;
  std::int64_t last = (span + axis.stride - 1) / axis.stride;
  if (last * axis.stride >= n + axis.pad_low) --last;
  axis.pad_high = std::max<std::int64_t>(0, last * axis.stride + axis.reach() - n - axis.pad_low);
}

/// Throws RefusedNode if a window lies in the padding alone: its maximum would be -infinity.
void require_entries(const Correlation& window) {
  for (const CorrelationAxis& axis : window.axes) {
    for (std::int64_t a = 0; a < axis.output; ++a) {
      bool any = false;
      for (std::int64_t p = 0; p < axis.kernel; ++p) {
        const std::int64_t at = axis.stride * a + axis.dilation * p - axis.pad_low;
        any = any || (at >= 0 && at < axis.input);
      }
      if (!any) throw RefusedNode{"has a window without entries"};
    }
  }
}

std::vector<Value> import_maximum(Builder& builder) {
  const Value& x = *builder.operand(0);
  if (x.shape.size() < 3) throw RefusedNode{"pools a value without spatial axes"};
  const Integers size(x.shape.begin() + 2, x.shape.end());
  const auto kernel = builder.integers("kernel_shape");
  if (!kernel || kernel->size() != size.size()) throw RefusedNode{"has no kernel_shape for each spatial axis"};
  Dimensions one{1, 1};
  one.insert(one.end(), kernel->begin(), kernel->end());
  ConvolutionLayer layer = convolution_layer(attributes(builder, one, false), size);
  if (builder.integer("ceil_mode", 0) != 0 && builder.text("auto_pad", "NOTSET") == "NOTSET") {
    for (std::size_t axis = 0; axis < size.size(); ++axis) round_up(layer.axes[axis], size[axis]);
  }
  const ConvolutionGeometry geometry(layer, size);
  require_entries(geometry.correlation());
  const std::int64_t channels = x.shape[0] * x.shape[1];
  const Index input = builder.node_of(x);
  const Dimensions shape = image_shape(x.shape[0], x.shape[1], geometry.output_size());
  std::vector<Value> outputs{builder.emit(MaxPool{geometry.correlation(), channels}, {input}, shape)};
  if (builder.node().outputs.size() > 1 && !builder.node().outputs[1].empty()) {
    outputs.push_back(builder.emit(Refused{"is not Lipschitz: it gives out positions, which jump"}, {input}, shape));
  }
  return outputs;
}

/// The maximum of all positions: of a group for each channel.
std::vector<Value> import_global_maximum(Builder& builder) {
  const Value& x = *builder.operand(0);
  if (x.shape.size() < 3) throw RefusedNode{"pools a value without spatial axes"};
  const Groups groups{x.shape[0] * x.shape[1], extent_product(x.shape, 2, x.shape.size()), 1};
  Dimensions shape(x.shape.size(), 1);
  std::copy_n(x.shape.begin(), 2, shape.begin());
  return {builder.emit(Reduction{Reduction::Kind::Maximum, groups}, {builder.node_of(x)}, std::move(shape))};
}

}  // namespace

std::span<const NamedRule> convolution_rules() {
  static constexpr NamedRule kRules[] = {{"Conv", import_convolution},
                                         {"ConvTranspose", import_transposed_convolution},
                                         {"MaxPool", import_maximum},
                                         {"GlobalMaxPool", import_global_maximum}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
