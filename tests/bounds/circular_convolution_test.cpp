#include "sigmax/bounds/circular_convolution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bounds/convolution_cases.hpp"
#include "sigmax/core/error.hpp"
#include "support/correlation_matrix.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using convolution_cases::expect_inside;
using convolution_cases::gaussian;
using convolution_cases::kSame3;
using convolution_cases::layer_of;
using convolution_cases::truth_of;
using convolution_cases::values_of;

// Whole circulants, with and without stride, even kernels, groups and wide and tall blocks.
struct Circle {
  Dimensions shape;
  ConvolutionLayer layer;
  std::vector<std::int64_t> size;
};
std::vector<Circle> circles() {
  const PaddingMode mode = PaddingMode::Circular;
  return {{{3, 2, 3}, layer_of(2, 3, {kSame3}, mode), {7}},
          {{2, 3, 4}, layer_of(3, 2, {{4, 1, 1, 1, 2, 0}}, mode), {6}},
          {{2, 2, 3, 3}, layer_of(2, 2, {kSame3, kSame3}, mode), {4, 5}},
          {{4, 1, 3}, layer_of(2, 4, {kSame3}, mode, 2), {6}},
          {{3, 1, 4}, layer_of(1, 3, {{4, 2, 1, 1, 2, 0}}, mode), {8}},
          {{2, 2, 3}, layer_of(2, 2, {{3, 1, 2, 2, 2, 0}}, mode), {9}}};
}

TEST(CircularConvolution, HasTheSpectrumOfItsMatrix) {
  for (const Circle& circle : circles()) {
    const Tensor kernel = gaussian(circle.shape, 3);
    const ConvolutionGeometry geometry(circle.layer, circle.size);
    const std::vector<double> found = circular_spectrum(kernel, geometry);
    const std::vector<long double> truth = truth_of(kernel, geometry);
    ASSERT_EQ(found.size(), truth.size());
    const double slack =
        tolerance::of_matrix(geometry.rows(), geometry.columns(), static_cast<double>(truth.front()), 16) +
        tolerance::of_bidiagonal(32) * static_cast<double>(truth.front());
    for (std::size_t i = 0; i < truth.size(); ++i) EXPECT_NEAR(found[i], static_cast<double>(truth[i]), slack) << i;
  }
}

TEST(CircularConvolution, EnclosesItsExtremesAndItsCondition) {
  for (const Circle& circle : circles()) {
    const Tensor kernel = gaussian(circle.shape, 5);
    const ConvolutionGeometry geometry(circle.layer, circle.size);
    const CircularExtremes found = circular_extremes(kernel, geometry);
    const std::vector<long double> truth = truth_of(kernel, geometry);
    const double most = static_cast<double>(truth.front());
    const double least = static_cast<double>(truth.back());
    // The truth is rounded to double.
    expect_inside(found.sigma_max, most, tolerance::kEpsilon * most);
    expect_inside(found.sigma_min, least, tolerance::kEpsilon * least);
    ASSERT_TRUE(found.condition.upper);
    expect_inside(found.condition, most / least, 4 * tolerance::kEpsilon * most / least);
    // 1e-6 are asked of sigma_max by default; the square of sigma_min has at most the second of its steps, 1e-6.
    EXPECT_LE(found.condition.relative_width(), 2e-6);
  }
}

TEST(CircularConvolution, EndsWhereTheWorkIsUsedUpOrACancellationIsRequested) {
  const Tensor kernel = gaussian({4, 4, 3, 3}, 12);
  const ConvolutionGeometry geometry(layer_of(4, 4, {kSame3, kSame3}, PaddingMode::Circular), {6, 5});
  Context context(2);
  const CircularExtremes full = circular_extremes(kernel, geometry, {}, context);
  ConvolutionNormOptions options;
  for (const double flops : {1.0, 1e4, 1e5, 3e5, 1e6}) {
    options.most_flops = flops;
    const CircularExtremes found = circular_extremes(kernel, geometry, options, context);
    EXPECT_LE(found.flops, flops);
    ASSERT_TRUE(found.sigma_min.is_proven() && found.sigma_max.is_proven());
    EXPECT_LE(found.sigma_min.lower.value(), full.sigma_min.upper->value());
    EXPECT_GE(found.sigma_min.upper->value(), full.sigma_min.lower.value());
    EXPECT_GE(found.sigma_max.upper->value(), full.sigma_max.lower.value());
  }
  context.request_cancel();
  EXPECT_THROW(circular_extremes(kernel, geometry, {}, context), Canceled);
}

TEST(CircularConvolution, HasNoSmallestValueWhereAGroupIsZero) {
  std::vector<double> values(6, 1.0);
  values[0] = values[1] = values[2] = 0;
  const ConvolutionGeometry geometry(layer_of(2, 2, {kSame3}, PaddingMode::Circular, 2), {5});
  const CircularExtremes found = circular_extremes(Tensor::copy_of(values, {2, 1, 3}), geometry);
  EXPECT_EQ(found.sigma_min.upper->value(), 0);
  EXPECT_FALSE(found.condition.upper);
}

TEST(CircularConvolution, IsClippedToTheAskedRange) {
  for (const Circle& circle : circles()) {
    if (circle.layer.axes.front().stride != 1) continue;
    const Tensor kernel = gaussian(circle.shape, 8);
    const ConvolutionGeometry geometry(circle.layer, circle.size);
    std::vector<long double> truth = truth_of(kernel, geometry);
    const double most = static_cast<double>(truth[truth.size() / 3]);
    const double least = static_cast<double>(truth[2 * truth.size() / 3]);
    Context context(1);
    const ClippedConvolution clipped = clip_circular(kernel, geometry, least, most, context);
    const std::vector<long double> now = truth_of(clipped.kernel, clipped.geometry);
    const double slack =
        tolerance::of_triplets(2 * geometry.rows(), 2 * geometry.columns(), 16) * static_cast<double>(truth.front());
    for (std::size_t i = 0; i < truth.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(now[i]), std::clamp(static_cast<double>(truth[i]), least, most), slack) << i;
    }
    // Nothing to clip: the same operator.
    const ClippedConvolution same = clip_circular(kernel, geometry, 0, 1e3 * most, context);
    const std::vector<double> a = support::correlation_matrix(geometry.correlation(), values_of(kernel));
    const std::vector<double> b = support::correlation_matrix(same.geometry.correlation(), values_of(same.kernel));
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], slack);
  }
}

TEST(CircularConvolution, RefusesGeometriesThatAreNotWholeCirculants) {
  const Tensor kernel = gaussian({1, 1, 3});
  Context context(1);
  const auto refuses = [&](const ConvolutionGeometry& geometry) {
    EXPECT_THROW(static_cast<void>(circular_extremes(kernel, geometry)), Error);
    EXPECT_THROW(static_cast<void>(circular_spectrum(kernel, geometry)), Error);
    EXPECT_THROW(static_cast<void>(clip_circular(kernel, geometry, 0, 1, context)), Error);
  };
  refuses(ConvolutionGeometry(layer_of(1, 1, {kSame3}), {5}));
  refuses(ConvolutionGeometry(layer_of(1, 1, {{3, 1, 1, 1, 2, 0}}, PaddingMode::Circular), {5}));
  refuses(ConvolutionGeometry(layer_of(1, 1, {{3, 2, 1, 1, 1, 0}}, PaddingMode::Circular), {5}));
  const ConvolutionGeometry whole(layer_of(1, 1, {kSame3}, PaddingMode::Circular), {5});
  EXPECT_THROW(static_cast<void>(clip_circular(kernel, whole, 2, 1, context)), Error);
  EXPECT_THROW(static_cast<void>(clip_circular(kernel, whole, -1, 1, context)), Error);
}

}  // namespace
}  // namespace sigmax
