// ConvolutionNormOptions::upper_alone: the upper end for callers who need nothing else.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "bounds/convolution_cases.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using convolution_cases::gaussian;
using convolution_cases::kSame3;
using convolution_cases::layer_of;
using convolution_cases::truth_of;

ConvolutionNormOptions upper_alone(double width) {
  ConvolutionNormOptions options;
  options.relative_width = width;
  options.upper_alone = true;
  return options;
}

struct Case {
  ConvolutionLayer layer;
  std::vector<std::int64_t> size;
};

std::vector<Case> cases() {
  const ConvolutionAxis strided{3, 2, 1, 1, 1, 0};
  const ConvolutionAxis spread{3, 1, 2, 2, 2, 0};
  const ConvolutionAxis wide{5, 1, 1, 2, 2, 0};
  return {{layer_of(3, 4, {kSame3, kSame3}), {5, 4}},
          {layer_of(4, 3, {strided, strided}), {6, 5}},
          {layer_of(2, 2, {spread, kSame3}), {7, 6}},
          {layer_of(6, 6, {kSame3, wide}, PaddingMode::Zeros, 6), {5, 4}},
          {layer_of(4, 6, {kSame3, kSame3}, PaddingMode::Zeros, 2), {3, 9}},
          {layer_of(3, 5, {wide}), {20}},
          {layer_of(2, 3, {kSame3, kSame3}, PaddingMode::Reflect), {6, 5}},
          {layer_of(2, 3, {strided, kSame3}, PaddingMode::Replicate), {6, 5}},
          {layer_of(3, 2, {kSame3, kSame3}, PaddingMode::Circular), {6, 5}},
          {layer_of(3, 2, {strided, kSame3}, PaddingMode::Circular), {5, 6}}};
}

// By each theorem: the matrix itself, one axis whole, and grids or S, with and without operations for more.
TEST(ConvolutionUpperAlone, IsAtLeastTheNormOfTheMatrix) {
  std::uint64_t seed = 0;
  for (const Case& c : cases()) {
    const Tensor kernel = gaussian(c.layer.kernel_shape(), ++seed);
    const ConvolutionGeometry geometry(c.layer, c.size);
    const auto truth = static_cast<double>(truth_of(kernel, geometry).front());
    SCOPED_TRACE(describe(c.layer));
    for (const bool formed : {true, false}) {
      for (const bool one_axis : {true, false}) {
        for (const double flops : {4e12, 1e6, 1.0}) {
          ConvolutionNormOptions options = upper_alone(1e-3);
          if (!formed) options.dense_up_to = 0;
          if (!one_axis) options.one_axis_up_to = 0;
          options.most_flops = flops;
          const ConvolutionNorm found = convolution_norm(kernel, geometry, options);
          ASSERT_TRUE(found.sigma_max.is_proven());
          EXPECT_GE(found.sigma_max.upper->value(), truth * (1 - tolerance::of_digits(12)));
          EXPECT_LE(found.sigma_max.lower.value(), truth * (1 + tolerance::of_digits(12)));
        }
      }
    }
  }
}

// Where the operations suffice: the norm itself if the matrix is small, S and its width otherwise.
TEST(ConvolutionUpperAlone, IsSharpWhereItIsCheap) {
  std::uint64_t seed = 20;
  const double width = 1e-3;
  for (const Case& c : cases()) {
    const Tensor kernel = gaussian(c.layer.kernel_shape(), ++seed);
    const ConvolutionGeometry geometry(c.layer, c.size);
    const auto truth = static_cast<double>(truth_of(kernel, geometry).front());
    SCOPED_TRACE(describe(c.layer));
    const double sharp = convolution_norm(kernel, geometry, upper_alone(width)).sigma_max.upper->value();
    EXPECT_LE(sharp, truth * (1 + 2 * width));
    ConvolutionNormOptions options = upper_alone(width);
    options.dense_up_to = 0;
    options.one_axis_up_to = 0;
    const double everywhere = convolution_norm(kernel, c.layer).sigma_max.upper->value();
    EXPECT_LE(convolution_norm(kernel, geometry, options).sigma_max.upper->value(), everywhere * (1 + 2 * width));
  }
}

TEST(ConvolutionUpperAlone, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor kernel = gaussian({72, 70, 3, 3}, 3);
  for (const std::int64_t n : {6, 40}) {
    const ConvolutionGeometry geometry(layer_of(70, 72, {kSame3, kSame3}), {n, n});
    std::vector<double> ends;
    for (const int threads : {1, 3}) {
      Context context(threads);
      ends.push_back(convolution_norm(kernel, geometry, upper_alone(0.01), context).sigma_max.upper->value());
    }
    EXPECT_EQ(ends[0], ends[1]);
  }
}

}  // namespace
}  // namespace sigmax
