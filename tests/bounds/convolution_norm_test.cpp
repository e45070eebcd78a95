#include "sigmax/bounds/convolution.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numbers>
#include <vector>

#include "bounds/convolution_cases.hpp"
#include "gallery/reference_svd.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using convolution_cases::expect_inside;
using convolution_cases::gaussian;
using convolution_cases::kSame3;
using convolution_cases::layer_of;
using convolution_cases::truth_of;
using convolution_cases::values_of;

// What ConvolutionNormOptions::relative_width is by default, at every size and on a circle.
constexpr double kDefaultWidth = 1e-6;

Tensor model_weight(const std::string& name) {
  const std::filesystem::path model =
      std::filesystem::path(SIGMAX_SOURCE_FOLDER) / "examples/models/fashion_mnist.safetensors";
  return io::open_checkpoint(model).find(name).load();
}

// Golden values: SciPy's svds and NumPy's eigvalsh on the sparse matrices, which agree to 1e-9; the symbol on shifted
// grids of 29, 15 and 8 points, and on fine grids refined to 1e-9, with NumPy.
struct Golden {
  const char* weight;
  std::int64_t in, out, size;
  double truth, offset_grid, supremum;
};
constexpr Golden kModel[] = {{"conv1.weight", 1, 16, 28, 5.316156269, 5.318742, 5.3265976},
                             {"conv2.weight", 16, 32, 14, 10.680538430, 10.703158, 10.8675144},
                             {"conv3.weight", 32, 32, 7, 7.767833709, 7.958849, 8.1052889}};

TEST(ConvolutionNorm, EnclosesTheSupremumOfTheModelsLayersToAMillionth) {
  for (const Golden& golden : kModel) {
    const ConvolutionNorm found =
        convolution_norm(model_weight(golden.weight), layer_of(golden.in, golden.out, {kSame3, kSame3}));
    SCOPED_TRACE(golden.weight);
    expect_inside(found.sigma_max, golden.supremum, tolerance::of_digits(7));
    EXPECT_LE(found.sigma_max.relative_width(), kDefaultWidth);
    EXPECT_EQ(found.question, ConvolutionQuestion::every_size);
    EXPECT_EQ(found.upper_by, ConvolutionTheorem::branch_and_bound);
  }
}

TEST(ConvolutionNorm, EnclosesTheModelsLayersAtTheirSizesToTwoPercent) {
  for (const Golden& golden : kModel) {
    const ConvolutionGeometry geometry(layer_of(golden.in, golden.out, {kSame3, kSame3}), {golden.size, golden.size});
    const ConvolutionNorm found = convolution_norm(model_weight(golden.weight), geometry);
    SCOPED_TRACE(golden.weight);
    expect_inside(found.sigma_max, golden.truth, tolerance::of_digits(9));
    EXPECT_LE(found.sigma_max.relative_width(), 0.02);
    EXPECT_EQ(found.question, ConvolutionQuestion::input_size);
  }
}

TEST(ConvolutionNorm, IsAtMostTheLeastOffsetGridWithoutAFactor) {
  ConvolutionNormOptions options;
  options.relative_width = 1e-7;
  options.dense_up_to = 0;
  options.one_axis_up_to = 0;
  for (const Golden& golden : kModel) {
    const ConvolutionGeometry geometry(layer_of(golden.in, golden.out, {kSame3, kSame3}), {golden.size, golden.size});
    const ConvolutionNorm found = convolution_norm(model_weight(golden.weight), geometry, options);
    SCOPED_TRACE(golden.weight);
    expect_inside(found.sigma_max, golden.truth, tolerance::of_digits(9));
    EXPECT_LE(found.sigma_max.upper->value(),
              golden.offset_grid * (1 + options.relative_width) + tolerance::of_digits(6));
    EXPECT_EQ(found.upper_by, ConvolutionTheorem::offset_grid);
  }
}

TEST(ConvolutionNorm, IsExactForAKernelOfOnes) {
  const Tensor ones = Tensor::copy_of(std::vector<double>(9, 1.0), {1, 1, 3, 3});
  ConvolutionNormOptions options;
  options.relative_width = 1e-9;
  options.dense_up_to = 0;
  for (const std::int64_t n : {1, 2, 5, 12}) {
    const ConvolutionGeometry geometry(layer_of(1, 1, {kSame3, kSame3}), {n, n});
    const ConvolutionNorm found = convolution_norm(ones, geometry, options);
    const double axis = 1 + 2 * std::cos(std::numbers::pi / static_cast<double>(n + 1));
    SCOPED_TRACE(n);
    expect_inside(found.sigma_max, axis * axis, tolerance::relative(9 * n * n, 9 * n * n) * axis * axis);
    EXPECT_LE(found.sigma_max.relative_width(), options.relative_width);
  }
  const ConvolutionNorm everywhere = convolution_norm(ones, layer_of(1, 1, {kSame3, kSame3}), options);
  expect_inside(everywhere.sigma_max, 9, 0);
  EXPECT_LE(everywhere.sigma_max.relative_width(), options.relative_width);
}

// Three entries on a circle, stride 2, two outputs x_0 + x_1 and x_2 + x_0: sqrt(3). The polyphase symbol is (1, 1),
// sqrt(2).
TEST(ConvolutionNorm, ExceedsThePolyphaseSymbolWhereTheStrideDoesNotDivideACircle) {
  const Tensor kernel = Tensor::copy_of(std::vector<double>{1, 1}, {1, 1, 2});
  const ConvolutionAxis axis{2, 2, 1, 0, 1, 0};
  const ConvolutionGeometry geometry(layer_of(1, 1, {axis}, PaddingMode::Circular), {3});
  ASSERT_EQ(geometry.output_size().front(), 2);
  const ConvolutionNorm circular = convolution_norm(kernel, geometry);
  expect_inside(circular.sigma_max, std::sqrt(3.0), tolerance::relative(3, 3));
  EXPECT_EQ(circular.question, ConvolutionQuestion::circular);
  const ConvolutionNorm zeros = convolution_norm(kernel, layer_of(1, 1, {axis}));
  expect_inside(zeros.sigma_max, std::sqrt(2.0), tolerance::relative(3, 3));
  const ConvolutionNorm every = convolution_norm(kernel, layer_of(1, 1, {axis}, PaddingMode::Circular));
  EXPECT_GE(every.sigma_max.upper->value(), std::sqrt(3.0));
}

TEST(ConvolutionNorm, IsExactOnACircleSmallerThanTheKernel) {
  const Tensor kernel = gaussian({3, 2, 5, 5}, 7);
  const ConvolutionAxis axis{5, 1, 1, 2, 2, 0};
  const ConvolutionGeometry geometry(layer_of(2, 3, {axis, axis}, PaddingMode::Circular), {3, 4});
  const ConvolutionNorm found = convolution_norm(kernel, geometry);
  const double truth = static_cast<double>(truth_of(kernel, geometry).front());
  expect_inside(found.sigma_max, truth, tolerance::relative(36, 24) * truth);
  EXPECT_LE(found.sigma_max.relative_width(), kDefaultWidth);
  EXPECT_EQ(found.upper_by, ConvolutionTheorem::circulant);
  EXPECT_EQ(found.lower_by, ConvolutionTheorem::circulant);
}

// A shift attains both factors of copied borders.
TEST(ConvolutionNorm, OfAShiftIsTheRootOfTheCopiesThatABorderMakes) {
  const Tensor shift = Tensor::copy_of(std::vector<double>{1, 0, 0}, {1, 1, 3});
  const ConvolutionAxis axis{3, 1, 1, 2, 0, 0};
  const ConvolutionGeometry replicate(layer_of(1, 1, {axis}, PaddingMode::Replicate), {9});
  expect_inside(convolution_norm(shift, replicate).sigma_max, std::sqrt(3.0), tolerance::relative(9, 9));
  const ConvolutionGeometry reflect(layer_of(1, 1, {axis}, PaddingMode::Reflect), {9});
  expect_inside(convolution_norm(shift, reflect).sigma_max, std::sqrt(2.0), tolerance::relative(9, 9));
}

TEST(ConvolutionNorm, OfATransposedConvolutionIsThatOfItsAdjoint) {
  const Tensor kernel = gaussian({3, 4, 3}, 5);
  ConvolutionLayer transposed = layer_of(3, 4, {{3, 2, 1, 1, 1, 1}});
  transposed.transposed = true;
  const ConvolutionLayer adjoint = layer_of(4, 3, {{3, 2, 1, 1, 1, 0}});
  const ConvolutionNorm one = convolution_norm(kernel, transposed);
  const ConvolutionNorm other = convolution_norm(kernel, adjoint);
  EXPECT_EQ(one.sigma_max.lower.value(), other.sigma_max.lower.value());
  EXPECT_EQ(one.sigma_max.upper->value(), other.sigma_max.upper->value());
}

TEST(ConvolutionNorm, OfGroupsIsTheLargestOfTheirs) {
  const Tensor kernel = gaussian({6, 2, 3}, 3);
  double largest = 0;
  for (std::int64_t g = 0; g < 3; ++g) {
    const ConvolutionNorm one = convolution_norm(kernel.range(2 * g, 2), layer_of(2, 2, {kSame3}));
    largest = std::max(largest, one.sigma_max.upper->value());
  }
  const ConvolutionNorm all = convolution_norm(kernel, layer_of(6, 6, {kSame3}, PaddingMode::Zeros, 3));
  EXPECT_LE(all.sigma_max.lower.value(), largest);
  EXPECT_GE(all.sigma_max.upper->value(), largest * (1 - kDefaultWidth));
}

// With one axis the theorem has nothing to wrap around: a block band whose norm is that of the convolution.
TEST(ConvolutionNorm, IsExactForOneAxisThatIsKeptWhole) {
  struct Case {
    Dimensions kernel;
    ConvolutionLayer layer;
    std::int64_t size;
  };
  std::vector<Case> cases{{{3, 2, 3}, layer_of(2, 3, {kSame3}), 7},
                          {{2, 5, 4}, layer_of(5, 2, {{4, 1, 1, 0, 2, 0}}), 9},
                          {{6, 2, 3}, layer_of(2, 6, {{3, 2, 1, 1, 1, 0}}), 8},
                          {{2, 4, 5}, layer_of(4, 2, {{5, 3, 1, 2, 2, 0}}), 13},
                          {{3, 3, 3}, layer_of(3, 3, {{3, 1, 2, 2, 2, 0}}), 11},
                          {{2, 3, 3}, layer_of(3, 2, {{3, 2, 3, 4, 1, 0}}), 10},
                          {{4, 1, 3}, layer_of(2, 4, {kSame3}, PaddingMode::Zeros, 2), 6},
                          {{40, 3, 3}, layer_of(3, 40, {kSame3}), 5},
                          {{1, 1, 7}, layer_of(1, 1, {{7, 1, 1, 3, 3, 0}}), 2}};
  cases.push_back({{2, 3, 4}, layer_of(2, 3, {{4, 2, 1, 1, 1, 1}}), 6});
  cases.back().layer.transposed = true;
  ConvolutionNormOptions options;
  options.relative_width = 1e-11;
  options.dense_up_to = 0;
  std::uint64_t seed = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(++seed);
    const Tensor kernel = gaussian(c.kernel, seed);
    const ConvolutionGeometry geometry(c.layer, {c.size});
    const double truth = static_cast<double>(truth_of(kernel, geometry).front());
    const ConvolutionNorm found = convolution_norm(kernel, geometry, options);
    expect_inside(found.sigma_max, truth, tolerance::relative(geometry.rows(), geometry.columns()) * truth);
    EXPECT_LE(found.sigma_max.relative_width(),
              options.relative_width + tolerance::of_gram_proof(geometry.rows(), geometry.columns()));
    EXPECT_EQ(found.upper_by, ConvolutionTheorem::one_axis);
  }
}

// A kernel with one tap on the other axis does not wrap there, whatever the offset.
TEST(ConvolutionNorm, IsAtMostThatOfTheOffsetGridWithOneAxisKeptWhole) {
  ConvolutionNormOptions options;
  options.relative_width = 1e-9;
  options.dense_up_to = 0;
  ConvolutionNormOptions grids = options;
  grids.one_axis_up_to = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    const std::int64_t taps = seed % 2 == 0 ? 1 : 3;
    const Tensor kernel = gaussian({3, 2, 3, taps}, seed);
    const ConvolutionGeometry geometry(layer_of(2, 3, {kSame3, {taps, 1, 1, taps / 2, taps / 2, 0}}), {4, 3});
    const double truth = static_cast<double>(truth_of(kernel, geometry).front());
    const ConvolutionNorm found = convolution_norm(kernel, geometry, options);
    expect_inside(found.sigma_max, truth, tolerance::relative(geometry.rows(), geometry.columns()) * truth);
    EXPECT_EQ(found.upper_by, ConvolutionTheorem::one_axis);
    EXPECT_LT(found.sigma_max.upper->value(), convolution_norm(kernel, geometry, grids).sigma_max.upper->value());
    if (taps == 1) {
      EXPECT_LE(found.sigma_max.relative_width(), options.relative_width);
    }
  }
}

// One tap, or taps that the stride never lets overlap: F is a matrix, and there is nothing to split.
TEST(ConvolutionNorm, OfAConstantSymbolEndsAtItsRoundingWhateverWidthIsAskedFor) {
  ConvolutionNormOptions options;
  options.relative_width = 1e-17;
  for (const std::int64_t taps : {1, 2}) {
    const ConvolutionAxis axis{taps, taps};
    const Tensor kernel = gaussian({6, 5, taps, taps}, 11);
    const ConvolutionGeometry geometry(layer_of(5, 6, {axis, axis}), {taps, taps});
    const double truth = static_cast<double>(truth_of(kernel, geometry).front());
    const ConvolutionNorm found = convolution_norm(kernel, geometry.layer(), options);
    expect_inside(found.sigma_max, truth, tolerance::relative(6, 20) * truth);
    EXPECT_LE(found.sigma_max.relative_width(), tolerance::of_gram_proof(20, 6));
    EXPECT_LE(found.points, 100);
  }
}

// Rotations of two channels and delays of the second one, twice along each axis: F(t) is unitary at every t.
Tensor orthogonal_kernel() {
  std::vector<double> kernel(36, 0.0);  // [2, 2, 3, 3]
  kernel[0] = kernel[27] = 1;
  double angle = 0.3;
  for (const std::size_t delay : {1, 1, 3, 3}) {
    const double c = std::cos(angle);
    const double s = std::sin(angle);
    angle += 0.7;
    std::vector<double> next(36, 0.0);
    for (std::size_t i = 0; i < 18; ++i) {
      next[i] += c * kernel[i];
      next[18 + i] += s * kernel[i];
      if (kernel[18 + i] == 0) continue;
      next[i + delay] -= s * kernel[18 + i];
      next[18 + i + delay] += c * kernel[18 + i];
    }
    kernel = next;
  }
  return Tensor::copy_of(kernel, {2, 2, 3, 3});
}

// |F| is 1 everywhere, so that M. Riesz alone refutes no cell before its radius is about sqrt(2 width).
TEST(ConvolutionNorm, OfAnOrthogonalConvolutionNeedsFewPoints) {
  for (const bool single : {false, true}) {
    Tensor kernel = orthogonal_kernel();
    if (single) kernel = Tensor::rounded(values_of(kernel), kernel.shape(), DType::f32);
    const ConvolutionNorm found = convolution_norm(kernel, layer_of(2, 2, {kSame3, kSame3}));
    expect_inside(found.sigma_max, 1, single ? 36 * 0x1p-24 : tolerance::relative(36, 36));
    EXPECT_LE(found.sigma_max.relative_width(), kDefaultWidth);
    EXPECT_LE(found.points, 4000);
  }
}

// sigma of the reshaped kernel <= S <= sqrt(taps) sigma.
TEST(ConvolutionNorm, LiesBetweenTheReshapedNormAndItsMultiple) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Tensor kernel = gaussian({4, 3, 3, 2}, seed);
    const ConvolutionNorm found = convolution_norm(kernel, layer_of(3, 4, {{3, 1, 1, 0, 0, 0}, {2, 1, 1, 0, 0, 0}}));
    const double reshaped = static_cast<double>(gallery::reference_singular_values(values_of(kernel), 4, 18).front());
    EXPECT_GE(found.sigma_max.upper->value(), reshaped * (1 - tolerance::relative(4, 18)));
    EXPECT_LE(found.sigma_max.lower.value(), std::sqrt(6.0) * reshaped * (1 + tolerance::relative(4, 18)));
  }
}

TEST(ConvolutionNorm, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor kernel = gaussian({72, 66, 3, 3}, 11);
  const ConvolutionLayer layer = layer_of(66, 72, {kSame3, kSame3});
  ConvolutionNormOptions options;
  options.relative_width = 1e-3;
  Context one(1);
  const ConvolutionNorm first = convolution_norm(kernel, layer, options, one);
  for (const int threads : {2, 5}) {
    Context context(threads);
    const ConvolutionNorm other = convolution_norm(kernel, layer, options, context);
    EXPECT_EQ(first.sigma_max.lower.value(), other.sigma_max.lower.value());
    EXPECT_EQ(first.sigma_max.upper->value(), other.sigma_max.upper->value());
    EXPECT_EQ(first.points, other.points);
  }
}

TEST(ConvolutionNorm, ScalesWithThePowersOfTwoOfItsKernel) {
  const Tensor kernel = gaussian({3, 3, 3, 3}, 2);
  const ConvolutionLayer layer = layer_of(3, 3, {kSame3, kSame3});
  const ConvolutionNorm at_one = convolution_norm(kernel, layer);
  for (const int exponent : {-1000, -500, 500, 1000}) {
    std::vector<double> values = values_of(kernel);
    for (double& value : values) value = std::ldexp(value, exponent);
    const ConvolutionNorm found = convolution_norm(Tensor::copy_of(values, kernel.shape()), layer);
    const double slack = tolerance::width_of_operations(2) * at_one.sigma_max.lower.value();
    EXPECT_NEAR(std::ldexp(found.sigma_max.lower.value(), -exponent), at_one.sigma_max.lower.value(), slack);
    EXPECT_NEAR(std::ldexp(found.sigma_max.upper->value(), -exponent), at_one.sigma_max.upper->value(), slack);
  }
}

// The outputs lie in one period of the even extension, in which an entry occurs twice, also where padding makes three
// copies of it. A shift attains the factor.
TEST(ConvolutionNorm, OfReflectedSamePaddingIsAtMostTheRootOfTwoAnAxisAboveTheSymbol) {
  const std::vector<double> shift{1, 0, 0};
  const ConvolutionLayer layer = layer_of(1, 1, {kSame3}, PaddingMode::Reflect);
  const ConvolutionNorm every = convolution_norm(Tensor::copy_of(shift, {1, 1, 3}), layer);
  const double root = std::numbers::sqrt2;
  EXPECT_LE(every.sigma_max.upper->value(), root * (1 + 1e-5));
  const ConvolutionNorm at_three = convolution_norm(Tensor::copy_of(shift, {1, 1, 3}), ConvolutionGeometry(layer, {3}));
  EXPECT_GE(at_three.sigma_max.upper->value(), root * (1 - 1e-9));
  EXPECT_GE(every.sigma_max.upper->value(), root * (1 - 1e-9));
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::int64_t taps = 3 + static_cast<std::int64_t>(seed % 3), pads = taps - 2;
    const ConvolutionLayer plane =
        layer_of(2, 2, {{taps, 1, 1, pads, pads, 0}, {3, 1, 2, 1, 2, 0}}, PaddingMode::Reflect);
    const Tensor kernel = gaussian(plane.kernel_shape(), seed);
    const ConvolutionNorm norm = convolution_norm(kernel, plane, {.relative_width = 1e-3});
    EXPECT_LE(norm.border_factor, 2 * (1 + 1e-12));
    for (const std::int64_t n : {pads + 1, pads + 2, 2 * pads + 1}) {
      const ConvolutionGeometry geometry(plane, {n, 4});
      EXPECT_GE(norm.sigma_max.upper->value(), static_cast<double>(truth_of(kernel, geometry).front())) << seed;
    }
  }
}

// An operator that may not be formed: certify() has its upper end from the symbol, also within a composed operator.
TEST(ConvolutionNorm, BoundsOperatorsThatAreNotFormed) {
  const Tensor kernel = gaussian({3, 3, 3, 3}, 6);
  const ConvolutionGeometry geometry(layer_of(3, 3, {kSame3, kSame3}), {12, 12});
  const Operator<double> a = convolution<double>(kernel, geometry);
  const double truth = static_cast<double>(convolution_norm(kernel, geometry).sigma_max.lower.value());
  CertifyOptions options;
  options.method = CertifyMethod::proven;
  options.proven_up_to = 1;
  options.random = RandomState{};
  SvdOptions<double> search;
  search.random = RandomState{};
  Context context(1);
  const Enclosure one = certify(*a, svd(*a, search, context), options, context);
  ASSERT_TRUE(one.is_proven());
  EXPECT_GE(one.upper->value(), truth);
  EXPECT_LE(one.relative_width(), 0.1);
  const Operator<double> three = 3.0 * a;
  const Enclosure other = certify(*three, svd(*three, search, context), options, context);
  ASSERT_TRUE(other.is_proven());
  EXPECT_GE(other.upper->value(), 3 * truth);
  EXPECT_LE(other.relative_width(), 0.1);
}

}  // namespace
}  // namespace sigmax
