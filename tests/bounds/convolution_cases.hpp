// Kernels and layers, and the singular values of their convolutions from the definition.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "support/correlation_matrix.hpp"
#include "support/enclosure.hpp"

namespace sigmax::convolution_cases {

inline std::vector<double> values_of(const Tensor& tensor) {
  const Tensor flat = tensor.reshaped({tensor.size()});
  std::vector<double> values;
  for (std::int64_t i = 0; i < tensor.size(); ++i) values.push_back(flat.at(std::array<std::int64_t, 1>{i}));
  return values;
}

inline Tensor gaussian(const Dimensions& shape, std::uint64_t seed = 1) {
  std::vector<double> values(static_cast<std::size_t>(*element_count(shape)));
  static_cast<void>(fill_normal(random_state(seed), std::span<double>(values)));
  return Tensor::copy_of(values, shape);
}

inline ConvolutionLayer layer_of(std::int64_t in, std::int64_t out, std::vector<ConvolutionAxis> axes,
                                 PaddingMode mode = PaddingMode::Zeros, std::int64_t groups = 1) {
  ConvolutionLayer layer;
  layer.in_channels = in;
  layer.out_channels = out;
  layer.groups = groups;
  layer.padding_mode = mode;
  layer.axes = std::move(axes);
  return layer;
}

inline constexpr ConvolutionAxis kSame3{3, 1, 1, 1, 1, 0};

// The singular values of the matrix that the definition gives, in extended precision.
inline std::vector<long double> truth_of(const Tensor& kernel, const ConvolutionGeometry& geometry) {
  const Correlation& c = geometry.correlation();
  return gallery::reference_singular_values(support::correlation_matrix(c, values_of(kernel)),
                                            static_cast<std::size_t>(c.rows()), static_cast<std::size_t>(c.columns()));
}

inline void expect_inside(const Enclosure& e, double value, double slack) {
  ASSERT_TRUE(e.is_proven());
  support::expect_contains(e, value, slack);
}

}  // namespace sigmax::convolution_cases
