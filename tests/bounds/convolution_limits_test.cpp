// The edges of convolution_norm(): limited work, large images, kernels of zeros, and what has no norm.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "bounds/convolution_cases.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using convolution_cases::expect_inside;
using convolution_cases::gaussian;
using convolution_cases::kSame3;
using convolution_cases::layer_of;

TEST(ConvolutionNorm, IsTrueAndWiderWhenTheWorkIsUsedUp) {
  const Tensor kernel = gaussian({8, 8, 3, 3}, 4);
  const ConvolutionLayer layer = layer_of(8, 8, {kSame3, kSame3});
  const ConvolutionNorm full = convolution_norm(kernel, layer);
  for (const double flops : {1.0, 1e5, 3e5, 1e6}) {
    ConvolutionNormOptions options;
    options.most_flops = flops;
    const ConvolutionNorm found = convolution_norm(kernel, layer, options);
    ASSERT_TRUE(found.sigma_max.is_proven());
    EXPECT_GE(found.sigma_max.upper->value(), full.sigma_max.lower.value());
    EXPECT_LE(found.sigma_max.lower.value(), full.sigma_max.upper->value());
  }
}

// The lower end at a size comes from products, and each of them counts.
TEST(ConvolutionNorm, AtASizeKeepsToTheWorkThatIsAllowed) {
  const Tensor kernel = gaussian({8, 8, 3, 3}, 4);
  const ConvolutionGeometry geometry(layer_of(8, 8, {kSame3, kSame3}), {16, 16});
  const ConvolutionNorm full = convolution_norm(kernel, geometry);
  const double product = 4.0 * static_cast<double>(geometry.rows()) * 72;
  double before = 0;
  for (const double flops : {1.0, 2 * product, 5 * product, 40 * product}) {
    ConvolutionNormOptions options;
    options.most_flops = flops;
    const ConvolutionNorm found = convolution_norm(kernel, geometry, options);
    ASSERT_TRUE(found.sigma_max.is_proven());
    // Two steps and the proof are the least that gives a lower end.
    EXPECT_EQ(found.sigma_max.lower.value() == 0, flops < 3 * product);
    EXPECT_GE(found.sigma_max.upper->value(), full.sigma_max.lower.value());
    EXPECT_LE(found.sigma_max.lower.value(), full.sigma_max.upper->value());
    EXPECT_GE(found.sigma_max.lower.value(), before);
    before = found.sigma_max.lower.value();
  }
  EXPECT_GT(before, 0.9 * full.sigma_max.lower.value());
}

TEST(ConvolutionNorm, IsZeroForAKernelOfZerosAndForAnImageOfPaddingAlone) {
  const Tensor zeros = Tensor::copy_of(std::vector<double>(18, 0.0), {2, 1, 3, 3});
  const ConvolutionNorm every = convolution_norm(zeros, layer_of(1, 2, {kSame3, kSame3}));
  EXPECT_EQ(every.sigma_max.upper->value(), 0);
  EXPECT_EQ(every.upper_by, ConvolutionTheorem::zero);
  // Outputs at -3, -1, 1 with a stride that jumps over the only entry.
  const Tensor one = Tensor::copy_of(std::vector<double>{1}, {1, 1, 1});
  const ConvolutionGeometry beside(layer_of(1, 1, {{1, 2, 1, 1, 1, 0}}), {1});
  EXPECT_EQ(convolution_norm(one, beside).sigma_max.upper->value(), 0);
}

TEST(ConvolutionNorm, IsQuickForLargeImages) {
  const ConvolutionAxis axis{3, 1, 1, 1, 1, 0};
  const std::vector<double> ones(9, 1.0);
  const Tensor kernel = Tensor::copy_of(std::span<const double>(ones), {1, 1, 3, 3});
  const ConvolutionGeometry geometry(layer_of(1, 1, {axis, axis}), {1 << 14, 1 << 14});
  const double line = 1 + 2 * std::cos(std::numbers::pi / ((1 << 14) + 1));
  const Enclosure found = convolution_norm(kernel, geometry).sigma_max;
  expect_inside(found, line * line, tolerance::relative(9, 9) * line * line);
  EXPECT_LE(found.relative_width(), 0.02);
}

// K = [1, 0, -1]: 2 |sin t| on the grid, whose point next to pi / 2 is the highest.
TEST(ConvolutionNorm, IsExactOnALongCircle) {
  const std::int64_t n = 1000003;
  const std::vector<double> taps{1, 0, -1};
  const Tensor kernel = Tensor::copy_of(std::span<const double>(taps), {1, 1, 3});
  for (const std::int64_t dilation : {std::int64_t{1}, std::int64_t{2}}) {
    ConvolutionLayer layer = layer_of(1, 1, {ConvolutionAxis{3, 1, dilation, dilation, dilation, 0}});
    layer.padding_mode = PaddingMode::Circular;
    const double turns = std::round(static_cast<double>(n) / 4) / static_cast<double>(n);
    const double exact = 2 * std::sin(2 * std::numbers::pi * turns);
    const Enclosure found = convolution_norm(kernel, ConvolutionGeometry(layer, {n})).sigma_max;
    expect_inside(found, exact, tolerance::relative(9, 9) * exact);
    EXPECT_LE(found.relative_width(), 1e-6);
  }
}

TEST(ConvolutionNorm, RefusesWhatHasNoNorm) {
  const ConvolutionLayer layer = layer_of(1, 1, {kSame3});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_THROW(convolution_norm(Tensor::copy_of(std::vector<double>{1, nan, 1}, {1, 1, 3}), layer), Error);
  EXPECT_THROW(convolution_norm(Tensor::copy_of(std::vector<double>{1, inf, 1}, {1, 1, 3}), layer), Error);
  EXPECT_THROW(convolution_norm(Tensor::copy_of(std::vector<double>{1, 1}, {1, 1, 2}), layer), Error);
  EXPECT_THROW(convolution_norm(Tensor::copy_of(std::vector<double>{1, 1, 1}, {1, 3}), layer), Error);
  const Tensor kernel = Tensor::copy_of(std::vector<double>{1, 2, 1}, {1, 1, 3});
  ConvolutionNormOptions options;
  options.relative_width = -1;
  EXPECT_THROW(convolution_norm(kernel, layer, options), Error);
  options.relative_width = nan;
  EXPECT_THROW(convolution_norm(kernel, layer, options), Error);
  options = {};
  for (std::int64_t ConvolutionNormOptions::*order :
       {&ConvolutionNormOptions::dense_up_to, &ConvolutionNormOptions::one_axis_up_to}) {
    ConvolutionNormOptions negative;
    negative.*order = -1;
    EXPECT_THROW(convolution_norm(kernel, layer, negative), Error);
  }
  options.most_flops = 0;
  EXPECT_THROW(convolution_norm(kernel, layer, options), Error);
}
}  // namespace
}  // namespace sigmax
