// The windows of a pooling operator along the axes of an image. Internal to graph/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/onnx/rule.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::graph::onnx {

struct PoolingAxis {
  CorrelationAxis window;     ///< `output` follows ceil_mode
  std::int64_t pad_high = 0;  ///< as the node states it: with ceil_mode, windows may reach beyond it
};

/// One for each axis of x after [batch, channels], from kernel_shape, strides, dilations, pads, auto_pad and ceil_mode.
/// With ceil_mode a window that would begin in the padding at the end is left out. Throws RefusedNode for numbers that
/// make no window.
std::vector<PoolingAxis> pooling_axes(const Builder& builder, const Dimensions& input);

}  // namespace sigmax::graph::onnx
