// Random small convolutions, with every parameter drawn, and the entries of their kernels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::gallery {

struct DrawnConvolution {
  ConvolutionGeometry geometry;
  Tensor kernel;
  std::vector<double> values;  ///< of the kernel, as stored, row-major
};

/// A convolution whose matrix has at most `entries` entries: 1 to 3 axes, any padding mode, grouped, dilated, strided,
/// transposed, stored in any type, its kernel normal numbers, some of them 0.
inline DrawnConvolution drawn_convolution(std::mt19937_64& random, std::int64_t entries) {
  const auto draw = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
  };
  for (;;) {
    ConvolutionLayer layer;
    layer.groups = draw(0, 2) == 0 ? 2 : 1;
    layer.in_channels = layer.groups * draw(1, 3);
    layer.out_channels = layer.groups * draw(1, 3);
    layer.transposed = draw(0, 3) == 0;
    if (!layer.transposed) layer.padding_mode = static_cast<PaddingMode>(draw(0, 3));
    std::vector<std::int64_t> size;
    for (std::int64_t axis = draw(1, 3); axis > 0; --axis) {
      layer.axes.push_back(
          {draw(1, 4), draw(1, 3), draw(1, 3), draw(0, 3), draw(0, 3), layer.transposed ? draw(0, 2) : 0});
      size.push_back(draw(1, 7));
    }
    std::optional<ConvolutionGeometry> geometry;
    try {
      geometry.emplace(layer, size);
    } catch (const Error&) {
      continue;  // an empty output, or too little to reflect
    }
    if (geometry->rows() * geometry->columns() > entries) continue;
    std::vector<double> values = normal(geometry->correlation().weights(), random());
    for (double& value : values) value = draw(0, 9) == 0 ? 0 : value;
    constexpr DType kTypes[] = {DType::f64, DType::f32, DType::f16, DType::bf16};
    const Tensor kernel = Tensor::rounded(values, layer.kernel_shape(), kTypes[draw(0, 3)]);
    const Tensor flat = kernel.reshaped({kernel.size()});
    for (std::int64_t e = 0; e < flat.size(); ++e) {
      values[static_cast<std::size_t>(e)] = flat.at(std::vector<std::int64_t>{e});
    }
    return {*geometry, kernel, values};
  }
}

}  // namespace sigmax::gallery
