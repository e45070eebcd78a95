#include "sigmax/bounds/convolution_proof/sub_block.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <random>
#include <vector>

#include "bounds/convolution_cases.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::bounds {
namespace {

using convolution_cases::gaussian;
using convolution_cases::truth_of;

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : engine_(seed) {}
  std::int64_t pick(std::int64_t first, std::int64_t last) {
    return std::uniform_int_distribution<std::int64_t>(first, last)(engine_);
  }

  // One axis of any kind, drawn until there is an output.
  ConvolutionGeometry geometry(PaddingMode mode, bool divides) {
    for (;;) {
      ConvolutionLayer layer;
      layer.padding_mode = mode;
      layer.in_channels = pick(1, 2);
      ConvolutionAxis axis{pick(1, 4), pick(1, 3), pick(1, 5), pick(0, 8), pick(0, 8), 0};
      if (divides) axis.dilation = axis.stride * pick(1, 5);
      layer.axes = {axis};
      try {
        return ConvolutionGeometry(layer, {pick(1, 24)});
      } catch (const Error&) {
      }
    }
  }

 private:
  std::mt19937_64 engine_;
};

double norm_of(const Tensor& kernel, const ConvolutionGeometry& geometry) {
  return static_cast<double>(truth_of(kernel, geometry).front());
}

TEST(InterleavedCopies, HaveTheNormOfTheConvolutionAsTheirLargest) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Draws draws(seed);
    const ConvolutionGeometry geometry = draws.geometry(PaddingMode::Zeros, true);
    const Correlation& c = geometry.correlation();
    const Tensor kernel = gaussian(geometry.layer().kernel_shape(), seed);
    double largest = 0;
    for (const CorrelationAxis& copy : interleaved_copies(c.axes.front())) {
      const ConvolutionGeometry part = geometry_of(c.in_channels, c.out_channels, 1, {&copy, 1});
      EXPECT_EQ(part.correlation().axes.front(), copy) << seed;
      largest = std::max(largest, norm_of(kernel, part));
    }
    const double whole = norm_of(kernel, geometry);
    EXPECT_NEAR(largest, whole, tolerance::of_matrix(c.rows(), c.columns(), whole)) << seed;
  }
}

TEST(SubBlock, HasANormBelowThatOfTheConvolutionForEveryPadding) {
  std::int64_t found = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    Draws draws(seed);
    const auto mode = static_cast<PaddingMode>(seed % 4);
    const ConvolutionGeometry geometry = draws.geometry(mode, false);
    const Correlation& c = geometry.correlation();
    const std::optional<CorrelationAxis> part = sub_block(mode, c.axes.front(), draws.pick(1, 20));
    if (!part) continue;
    ++found;
    const Tensor kernel = gaussian(geometry.layer().kernel_shape(), seed);
    const double whole = norm_of(kernel, geometry);
    const double least = norm_of(kernel, geometry_of(c.in_channels, c.out_channels, 1, {&*part, 1}));
    EXPECT_LE(least, whole + tolerance::of_matrix(c.rows(), c.columns(), whole)) << seed;
  }
  EXPECT_GT(found, 200);
}

// The eigenvector of a convolution of ones with zeros around is the window itself, at t = 0.
TEST(WindowedWave, IsTheSingularVectorOfAKernelOfOnes) {
  const std::vector<SymbolAxis> symbol_axes{{3, 1, 1}, {3, 1, 1}};
  const CorrelationAxis axis{3, 1, 1, 1, 9, 9};
  const std::vector<CorrelationAxis> axes{axis, axis};
  Context context(1);
  const Tensor kernel = Tensor::copy_of(std::vector<double>(9, 1.0), {1, 1, 3, 3});
  const Symbols symbols = make_symbols(kernel, 1, symbol_axes, context);
  const Wave wave = windowed_wave(symbols.groups.front(), {}, {{1.0}, {0.0}}, symbol_axes, axes);
  const std::vector<double> matrix =
      support::correlation_matrix(geometry_of(1, 1, 1, axes).correlation(), std::vector<double>(9, 1.0));
  const double line = 1 + 2 * std::cos(std::numbers::pi / 10);
  for (std::size_t i = 0; i < 81; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 81; ++j) sum += matrix[i * 81 + j] * wave.re[j];
    EXPECT_NEAR(sum, line * line * wave.re[i], tolerance::of_matrix(81, 81, 9));
    EXPECT_EQ(wave.im[i], 0);
  }
}

}  // namespace
}  // namespace sigmax::bounds
