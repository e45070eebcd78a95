// The inequality by frequencies against the same inequality without symmetry, and against linear maps that the neurons
// can be.
#include "sigmax/bounds/convolution_inequality.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "sigmax/core/error.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "support/image_chains.hpp"

namespace sigmax {
namespace {

using image_support::Chains;
using image_support::dense_network;
using image_support::jacobian;
using image_support::matrix_of;
using image_support::norm_below;
using image_support::product;
using image_support::with_columns;
using image_support::with_rows;

constexpr double kSlack = 1e-6;  // of the dense proof and of power iterations

std::int64_t entries(const std::vector<std::int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

HalfOffsets drawn_offsets(Chains& random) {
  return {random.whole(0, 1) == 1, random.whole(0, 1) == 1, random.whole(0, 1) == 1};
}

// The matrix of all neurons is a principal submatrix of the one of the torus: with the same multipliers it cannot prove
// less.
TEST(ConvolutionInequality, IsAtLeastThatOfTheDenseNetwork) {
  int proven = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Chains random(seed);
    const HalfOffsets offsets = drawn_offsets(random);
    std::vector<std::int64_t> sizes = random.sizes();
    const std::vector<std::int64_t> first = sizes;
    const ImageSegment segment = random.segment(random.whole(0, 3), sizes, offsets);
    const auto channels =
        static_cast<std::int64_t>(segment.neurons.empty() ? segment.input.size() : segment.neurons.back().unit.size());
    ImageMap end = random.map(channels, sizes);
    end.exponent = random.whole(-3, 3);
    const auto bound = image_norm(segment, end, offsets);
    if (!bound) continue;
    ++proven;
    auto [network, multipliers] = dense_network(segment, matrix_of(end));
    const auto dense = prove_network_bound(network, multipliers);
    ASSERT_TRUE(dense);
    EXPECT_GE(bound->value() * (1 + kSlack), dense->lipschitz.value());
    for (int k = 0; k < 4; ++k) {
      const auto j = jacobian(segment, entries(first) * static_cast<std::int64_t>(segment.input.size()), random);
      EXPECT_GE(bound->value(), norm_below(product(matrix_of(end), j)) * (1 - 1e-12));
    }
  }
  EXPECT_GE(proven, 120);
}

// One circle that fits the image: without neurons the norm is the maximum over the grid of the symbol.
TEST(ConvolutionInequality, OfAMapOfOnesIsExact) {
  for (const std::int64_t n : {1, 2, 5, 9}) {
    ConvolutionLayer layer;
    layer.axes = {{3, 1, 1, 1, 1, 0}};
    ImageMap map;
    map.correlation = ConvolutionGeometry(layer, {n}).correlation();
    map.kernel = {1, 1, 1};
    const auto bound = image_norm({{1}, {}}, map, {true, false, false});
    ASSERT_TRUE(bound);
    const double exact = 1 + 2 * std::cos(std::acos(-1.0) / static_cast<double>(n + 1));
    EXPECT_GE(bound->value(), exact * (1 - 1e-15));
    EXPECT_LE(bound->value(), exact * (1 + 1e-9));
  }
}

// Each window's maximum changes by the change of entries of it, with weights that add up to at most 1. Entries that a
// search chooses to make the change large are among these.
TEST(ConvolutionInequality, PooledUnitsHoldForEveryChoiceOfEntries) {
  int proven = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Chains random(seed + 1000);
    const HalfOffsets offsets = drawn_offsets(random);
    std::vector<std::int64_t> sizes = random.sizes();
    const std::vector<std::int64_t> first = sizes;
    const ImageSegment segment = random.segment(random.whole(0, 2), sizes, offsets);
    const auto channels =
        static_cast<std::int64_t>(segment.neurons.empty() ? segment.input.size() : segment.neurons.back().unit.size());
    const ImageMap end = random.map(channels, sizes);
    sizes = Chains::after(end.correlation);
    ConvolutionLayer layer;
    for (const std::int64_t n : sizes) {
      ConvolutionAxis axis{random.whole(1, std::min<std::int64_t>(3, n)), random.whole(1, 3), 1, 0, 0, 0};
      if (axis.kernel > 1) axis.pad_low = axis.pad_high = random.whole(0, axis.kernel / 2);
      layer.axes.push_back(axis);
    }
    PoolWindow pool{ConvolutionGeometry(layer, sizes).correlation(), {}, {}};
    const std::int64_t out = end.correlation.out_channels;
    const double share = 0.1 * static_cast<double>(random.whole(0, 8));
    for (std::int64_t c = 0; c < out; ++c) {
      pool.diagonal.push_back(random.positive());
      pool.other.push_back(share * pool.diagonal.back());
    }
    const auto units = pooled_units(segment, end, pool, offsets);
    if (!units) continue;
    ++proven;
    const std::int64_t windows = pool.window.output_positions();
    const std::int64_t positions = end.correlation.output_positions();
    for (int k = 0; k < 3; ++k) {
      const auto j = product(
          matrix_of(end), jacobian(segment, entries(first) * static_cast<std::int64_t>(segment.input.size()), random));
      std::vector<double> x(static_cast<std::size_t>(j.columns()));
      for (double& value : x) value = random.normal();
      for (int step = 0; step < 4; ++step) {
        Matrix<double> chosen(out * windows, j.columns());
        for (std::int64_t c = 0; c < out; ++c) {
          for (std::int64_t w = 0; w < windows; ++w) {
            double most = -1;
            std::int64_t best = 0;
            for (std::int64_t q = 0; q < pool.window.taps(); ++q) {
              const std::int64_t at = input_of(pool.window, w, q);
              if (at == kPaddedZero) continue;
              double change = 0;
              for (std::int64_t i = 0; i < j.columns(); ++i) {
                change += j(c * positions + at, i) * x[static_cast<std::size_t>(i)];
              }
              if (std::fabs(change) > most) {
                most = std::fabs(change);
                best = at;
              }
            }
            for (std::int64_t i = 0; i < j.columns(); ++i) {
              chosen(c * windows + w, i) = j(c * positions + best, i) / (*units)[static_cast<std::size_t>(c)];
            }
          }
        }
        EXPECT_LE(norm_below(chosen, &x), 1 + 1e-12);
      }
    }
  }
  EXPECT_GE(proven, 100);
}

// T J = L U with |U| <= 1 for every choice of slopes, and L L^T is not much more than the dense inequality says.
TEST(ConvolutionInequality, FlattenedChangeHoldsForEveryChoiceOfSlopes) {
  int proven = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(seed);
    Chains random(seed + 2000);
    const HalfOffsets offsets = drawn_offsets(random);
    std::vector<std::int64_t> sizes = random.sizes();
    const std::vector<std::int64_t> first = sizes;
    const ImageSegment segment = random.segment(random.whole(0, 2), sizes, offsets);
    const auto channels =
        static_cast<std::int64_t>(segment.neurons.empty() ? segment.input.size() : segment.neurons.back().unit.size());
    Matrix<double> t(random.whole(1, 5), channels * entries(sizes));
    for (double& value : t.values()) value = random.normal();
    const auto change = flattened_change(segment, t, sizes, offsets);
    if (!change) continue;
    ++proven;
    Matrix<double> l = change->factor;
    for (double& value : l.values()) value = std::ldexp(value, static_cast<int>(change->exponent));
    for (int k = 0; k < 4; ++k) {
      Matrix<double> u =
          product(t, jacobian(segment, entries(first) * static_cast<std::int64_t>(segment.input.size()), random));
      for (std::int64_t c = 0; c < u.columns(); ++c) {
        for (std::int64_t i = 0; i < l.rows(); ++i) {
          for (std::int64_t m = 0; m < i; ++m) u(i, c) -= l(i, m) * u(m, c);
          u(i, c) /= l(i, i);
        }
      }
      EXPECT_LE(norm_below(u), 1 + 1e-9);
    }
    auto [network, multipliers] = dense_network(segment, t);
    const auto dense = prove_network_bound(network, multipliers);
    ASSERT_TRUE(dense);
    const double norm = std::sqrt(largest_of_symmetric(product(l, lapack::transposed(l.view())), 1).value.front());
    EXPECT_GE(norm * (1 + kSlack), dense->lipschitz.value());
  }
  EXPECT_GE(proven, 90);
}

TEST(ConvolutionInequality, KeepsItsBitsForEveryNumberOfThreads) {
  Chains random(77);
  std::vector<std::int64_t> sizes{5, 5};
  const ImageSegment segment = random.segment(2, sizes, {});
  const ImageMap end = random.map(segment.neurons.back().map.correlation.out_channels, sizes);
  Context one(1);
  Context three(3);
  const auto a = image_norm(segment, end, {}, one);
  const auto b = image_norm(segment, end, {}, three);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->value(), b->value());
}

// Powers of two in kernels move into the bound, far beyond the range of their products.
TEST(ConvolutionInequality, ScalesWithTheKernels) {
  Chains random(5);
  std::vector<std::int64_t> sizes = random.sizes();
  ImageSegment segment = random.segment(2, sizes, {});
  ImageMap end = random.map(segment.neurons.back().map.correlation.out_channels, sizes);
  const auto plain = image_norm(segment, end);
  ASSERT_TRUE(plain);
  segment.neurons[0].map.exponent = 900;
  segment.neurons[1].map.exponent = 900;
  end.exponent = -1795;
  const auto moved = image_norm(segment, end);
  ASSERT_TRUE(moved);
  EXPECT_NEAR(moved->value(), 32 * plain->value(), 1e-12 * 32 * plain->value());
  end.exponent = 300;
  EXPECT_FALSE(image_norm(segment, end));  // beyond the range of double
}

TEST(ConvolutionInequality, OfZerosIsNearZero) {
  Chains random(6);
  std::vector<std::int64_t> sizes{4};
  ImageMap end = random.map(1, sizes);
  std::ranges::fill(end.kernel, 0.0);
  const auto bound = image_norm({{1}, {}}, end);
  ASSERT_TRUE(bound);
  EXPECT_LT(bound->value(), 1e-6);
}

TEST(ConvolutionInequality, PoorMultipliersProveNothing) {
  Chains random(8);
  std::vector<std::int64_t> sizes{6};
  ImageSegment segment = random.segment(1, sizes, {});
  segment.neurons[0].most.assign(segment.neurons[0].most.size(), 1);
  for (double& unit : segment.neurons[0].unit) unit *= 1e-3;
  ImageMap end = random.map(segment.neurons.back().map.correlation.out_channels, sizes);
  EXPECT_FALSE(image_norm(segment, end));
}

TEST(ConvolutionInequality, RefusesWhatDoesNotFit) {
  Chains random(9);
  std::vector<std::int64_t> sizes{6};
  const ImageMap map = random.map(1, sizes);
  EXPECT_THROW(image_norm({{}, {}}, map), Error);
  EXPECT_THROW(image_norm({{0}, {}}, map), Error);
  EXPECT_THROW(image_norm({{1, 1, 1, 1, 1}, {}}, map), Error);
  ImageMap other = map;
  other.kernel[0] = std::nan("");
  EXPECT_THROW(image_norm({{1}, {}}, other), Error);
  other = map;
  other.correlation.padding_mode = PaddingMode::Circular;
  EXPECT_THROW(image_norm({{1}, {}}, other), Error);
  ImageSegment segment{{1},
                       {{map, std::vector<double>(static_cast<std::size_t>(map.correlation.out_channels), -1.0),
                         std::vector<double>(static_cast<std::size_t>(map.correlation.out_channels), 1.0)}}};
  EXPECT_THROW(image_norm(segment, map), Error);
  EXPECT_THROW(flattened_change({{1}, {}}, Matrix<double>(2, 5), {6}), Error);
  PoolWindow pool{map.correlation, {1}, {0}};
  pool.window.axes[0].input = 100;
  EXPECT_THROW(pooled_units({{1}, {}}, map, pool), Error);
}

}  // namespace
}  // namespace sigmax
