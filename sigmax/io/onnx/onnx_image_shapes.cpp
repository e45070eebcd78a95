#include "sigmax/io/onnx/onnx_image_shapes.hpp"

#include <algorithm>
#include <cstddef>

#include "sigmax/io/onnx/onnx_convolution.hpp"
#include "sigmax/io/onnx/onnx_extent.hpp"

namespace sigmax::io::onnx {
namespace {

// Runtimes disagree about a last window that begins beyond the image.
std::int64_t rounded_up(const ConvolutionSettings& settings, std::int64_t window, std::size_t axis,
                        std::int64_t floor) {
  const std::int64_t n = settings.input_size[axis], low = settings.pad_low[axis], stride = settings.stride[axis];
  const std::int64_t span = settings.dilation[axis] * (window - 1) + 1;
  if ((n + low + settings.pad_high[axis] - span) % stride == 0) return floor;
  return floor * stride >= n + low ? kUnknownExtent : floor + 1;
}

}  // namespace

Dimensions image_size(const std::optional<Dimensions>& shape) {
  if (!shape || shape->size() < 3) return {};
  Dimensions size(shape->begin() + 2, shape->end());
  return std::ranges::all_of(size, [](std::int64_t extent) { return extent > 0; }) ? size : Dimensions();
}

std::optional<Dimensions> convolved(const Model& model, const Node& node, const std::optional<Dimensions>& kernel,
                                    const Dimensions& x) {
  if (!kernel || kernel->size() != x.size() || x.size() < 3 || !std::ranges::all_of(*kernel, is_known)) {
    return std::nullopt;
  }
  const bool transposed = is_transposed_convolution(node);
  const auto settings = convolution_settings(model, node, *kernel, image_size(x));
  const auto size = settings ? output_size(*settings, taps_of(*kernel), transposed) : std::nullopt;
  Dimensions result(x.size(), kUnknownExtent);
  result[0] = x[0];
  const std::int64_t groups = model.integer(node, "group", 1);
  if (!transposed) result[1] = checked((*kernel)[0]);
  if (transposed && groups > 0 && groups <= kMostExtent && is_known(checked((*kernel)[1]))) {
    result[1] = (*kernel)[1] * groups;
  }
  if (size) std::ranges::copy(*size, result.begin() + 2);
  return result;
}

std::optional<Dimensions> pooled(const Model& model, const Node& node, const Dimensions& x) {
  if (x.size() < 3) return std::nullopt;
  const std::size_t axes = x.size() - 2;
  const auto window = model.integers(node, "kernel_shape", axes + 1);
  if (!window || window->size() != axes) return std::nullopt;
  Dimensions kernel = {1, 1};
  kernel.insert(kernel.end(), window->begin(), window->end());
  // A window moves as a kernel does, also where its size is rounded up.
  auto settings = convolution_settings(model, node, kernel, image_size(x));
  Dimensions result(x.size(), kUnknownExtent);
  std::copy_n(x.begin(), 2, result.begin());
  if (!settings || settings->input_size.empty()) return result;
  const auto size = output_size(*settings, taps_of(kernel), false);
  if (!size) return result;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    result[axis + 2] = model.integer(node, "ceil_mode", 0) != 0
                           ? rounded_up(*settings, kernel[axis + 2], axis, (*size)[axis])
                           : (*size)[axis];
  }
  return result;
}

std::optional<Dimensions> globally_pooled(const Dimensions& x) {
  if (x.size() < 3) return std::nullopt;
  Dimensions result(x.size(), 1);
  std::copy_n(x.begin(), 2, result.begin());
  return result;
}

std::optional<Dimensions> block_moved(bool to_space, std::int64_t block, const Dimensions& x) {
  if (x.size() != 4 || block < 1 || block > 1024) return std::nullopt;
  Dimensions result = x;
  const auto times = [&](std::int64_t extent, std::int64_t factor) {
    return is_known(extent) ? extent * factor : extent;
  };
  const auto part = [&](std::int64_t extent, std::int64_t factor) {
    return is_known(extent) && extent % factor == 0 ? extent / factor : kUnknownExtent;
  };
  result[1] = to_space ? part(x[1], block * block) : times(x[1], block * block);
  for (const std::size_t d : {2, 3}) result[d] = to_space ? times(x[d], block) : part(x[d], block);
  return result;
}

}  // namespace sigmax::io::onnx
