// Chains, branches and residual blocks: maps that are joined, functions that are split, values on balls.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lipschitz/walks.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/selection.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

TEST(Walk, OfAChainOfLayersIsTheProductOfTheirNorms) {
  Maker maker(3);
  const Index x = maker.input(6);
  const Operator<double> a = maker.matrix(9, 6);
  const Operator<double> b = maker.matrix(5, 9);
  const Index inner = maker.map(x, a);
  const Walk found = walked(maker, maker.map(maker.apply(inner, graph_support::relu()), b));
  EXPECT_NEAR(found.product->value(), norm_of(a) * norm_of(b), tolerance::kOutward * found.product->value());
  ASSERT_EQ(found.layers.size(), 3u);
  EXPECT_EQ(found.layers[0].node, inner);
  EXPECT_EQ(found.layers[0].operation, "Affine");
  EXPECT_EQ(found.layers[1].operation, "Leaky");
  EXPECT_NEAR(found.layers[0].bound->value(), norm_of(a), tolerance::kOutward * norm_of(a));
  EXPECT_NEAR(found.layers[1].running->value(), norm_of(a), tolerance::kOutward * norm_of(a));
  EXPECT_NEAR(found.layers[2].bound->value(), norm_of(b), tolerance::kOutward * norm_of(b));
  EXPECT_EQ(found.layers[2].running->value(), found.bound->value());
  // The half-split: |B A| / 2 + |B| |A| / 2.
  const double split = (norm_of(product(b, a)) + norm_of(b) * norm_of(a)) / 2;
  EXPECT_NEAR(found.bound->value(), split, tolerance::kOutward * split);
  EXPECT_LT(found.bound->value(), found.product->value());
}

// At a point whose neighborhood is one linear piece, the bound is the norm of the Jacobian; as the ball grows it never
// exceeds what holds everywhere.
TEST(Walk, OnSmallBallsIsTheNormOfTheJacobian) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    for (const auto& f : {graph_support::relu(), graph_support::hyperbolic_tangent()}) {
      Maker maker(seed);
      Index at = maker.input(4);
      for (int layer = 0; layer < 4; ++layer) at = maker.affine(maker.apply(maker.affine(at, 10), f), 5);
      maker.graph.outputs = {at};
      const Numbers center = maker.normal(4);
      const double norm = norm_at(maker.graph, center);
      const double everywhere = walk(maker.graph, Everywhere{}, repeated()).bound->value();
      const double tiny = walk(maker.graph, Ball{center, 1e-9}, repeated()).bound->value();
      EXPECT_GE(tiny, norm * (1 - 1e-6));
      EXPECT_LE(tiny, norm * (1 + 1e-6) + 1e-6);
      for (const double radius : {1e-3, 0.1, 10.0}) {
        EXPECT_LE(walk(maker.graph, Ball{center, radius}, repeated()).bound->value(),
                  everywhere * (1 + tolerance::kOutward));
      }
    }
  }
}

// The bound of the loop transformation, m_k = |W_k ... W_1| / 2^(k-1) + sum_j |W_k ... W_(j+1)| m_j / 2^(k-j), in its
// own words, as the least of it and of the products with earlier bounds.
// Values at the ball's surface where a linear map is greatest: c + R a_i / |a_i|.
TEST(Walk, KnowsTheValuesOnABallByTheNormsOfRows) {
  ConvolutionLayer layer{2, 3, 1, PaddingMode::Zeros, false, {{3, 2, 1, 1, 1, 0}, {2, 1, 1, 0, 1, 0}}};
  const ConvolutionGeometry geometry(layer, {7, 5});
  Maker weights(4);
  const Operator<double> conv =
      convolution<double>(Tensor::copy_of(weights.normal(36), layer.kernel_shape()), geometry);
  layer.transposed = true;
  const ConvolutionGeometry back(layer, {4, 5});
  const std::vector<Operator<double>> maps = {
      weights.matrix(6, 9),
      transposed(weights.matrix(6, 9)),
      scaled(-2.5, weights.matrix(6, 9)),
      conv,
      convolution<double>(Tensor::copy_of(weights.normal(36), layer.kernel_shape()), back),
      selection<double>(6, {3, -1, 0, 3, 5}),
      transposed(selection<double>(6, {3, -1, 0, 3, 5})),
      diagonal<double>(Tensor::copy_of(weights.normal(7), {7}))};
  for (std::size_t which = 0; which < maps.size(); ++which) {
    SCOPED_TRACE(which);
    const Shape shape = maps[which]->shape();
    Maker maker(which);
    const Index x = maker.input(shape.columns);
    const Index y = maker.map(x, maps[which]);
    const Numbers center = maker.normal(shape.columns);
    const Walk found = walked(maker, y, Ball{center, 0.5});
    const graph::Values values = graph::evaluate(maker.graph, center);
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      Numbers unit(static_cast<std::size_t>(shape.rows), 0.0);
      unit[static_cast<std::size_t>(i)] = 1;
      double norm = 0;
      for (const double each : reverse(maker.graph, values, unit)) norm += each * each;
      const double greatest = values[y][static_cast<std::size_t>(i)] + 0.5 * std::sqrt(norm);
      EXPECT_NEAR(found.boxes[y][static_cast<std::size_t>(i)].greatest, greatest,
                  tolerance::relative(100, 100, std::max(1.0, std::fabs(greatest)), 10));
    }
  }
}

TEST(Walk, SplitsAllLayersOfAChain) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Maker maker(seed);
    std::vector<Operator<double>> w;
    Index at = maker.input(6);
    for (int k = 0; k < 5; ++k) {
      w.push_back(maker.matrix(6, 6));
      if (k > 0) at = maker.apply(at, graph_support::relu());
      at = maker.map(at, w.back());
    }
    const Walk found = walked(maker, at);
    Numbers m;
    for (std::size_t k = 0; k < w.size(); ++k) {
      Operator<double> chain = w[k];
      double least = k == 0 ? norm_of(chain) : norm_of(chain) * m[k - 1];
      double rest = 0;
      for (std::size_t j = k; j-- > 0;) {
        const double halves = std::ldexp(1, -static_cast<int>(k - j));
        rest += norm_of(chain) * m[j] * halves;
        chain = product(chain, w[j]);
        least = std::min(least, rest + norm_of(chain) * halves * (j == 0 ? 1 : m[j - 1]));
      }
      m.push_back(least);
    }
    EXPECT_NEAR(found.bound->value(), m.back(), 1e-9 * m.back());
    EXPECT_LT(found.bound->value(), 0.9 * found.product->value());
    WalkOptions unsplit = repeated();
    unsplit.most_splits = 0;
    EXPECT_NEAR(walk(maker.graph, Everywhere{}, unsplit).bound->value(), found.product->value(),
                tolerance::kOutward * found.product->value());
  }
}

// A layer of a network of images, and its transpose: the norm at this size, to the width that was asked for.
TEST(Walk, TakesConvolutionsAtTheirSize) {
  Maker maker(13);
  for (const bool is_transposed : {false, true}) {
    ConvolutionLayer layer{2, 3, 1, PaddingMode::Zeros, is_transposed, {{3, 2, 1, 1, 1, 0}, {2, 1, 1, 0, 1, 0}}};
    const ConvolutionGeometry geometry(layer, {7, 5});
    const Operator<double> a = convolution<double>(Tensor::copy_of(maker.normal(36), layer.kernel_shape()), geometry);
    Maker one(1);
    const Index x = one.input(geometry.columns());
    const double truth = sigma_max(*a, repeatable<CertifyOptions>()).lower.value();
    const Walk found = walked(one, one.map(x, a));
    EXPECT_GE(found.bound->value(), truth);
    EXPECT_LE(found.bound->value(), truth / (1 - WalkOptions().convolution.relative_width) * (1 + 1e-6));
  }
}

TEST(Walk, ChargesTheErrorOfFoldedRows) {
  Maker maker(3);
  const Index x = maker.input(6);
  const Operator<double> a = maker.matrix(9, 6);
  const Walk found = walked(maker, maker.add(graph::Affine{a, {}, 0.125}, {x}, {9}));
  EXPECT_NEAR(found.bound->value(), 1.125 * norm_of(a), tolerance::kOutward * norm_of(a));
}

// x - mean(x) is a projection: 1, while the sum of the branches is 2.
TEST(Walk, JoinsLinearBranches) {
  Maker maker(1);
  const Index x = maker.input(4);
  const Index mean = maker.map(x, matrix(Numbers(16, -0.25), 4, 4));
  const Walk centered = walked(maker, maker.add(graph::Sum{}, {x, mean}, {4}));
  EXPECT_NEAR(centered.bound->value(), 1, tolerance::kOutward);
  EXPECT_NEAR(centered.product->value(), 2, tolerance::kOutward);
  const Operator<double> a = matrix({1, 0, 0, 0}, 1, 4);
  const Operator<double> b = matrix({0, 1, 0, 0}, 1, 4);
  const Walk stacked = walked(maker, maker.add(graph::Stack{}, {maker.map(x, a), maker.map(x, b)}, {2}));
  EXPECT_NEAR(stacked.bound->value(), 1, tolerance::kOutward);
  EXPECT_NEAR(stacked.product->value(), std::numbers::sqrt2, tolerance::kOutward);
  // Two maps one after the other that cancel.
  const Walk zero =
      walked(maker, maker.map(maker.map(x, matrix({1, 0, 0, 0, 0, 0, 0, 0}, 2, 4)), matrix({0, 1}, 1, 2)));
  EXPECT_NEAR(zero.bound->value(), 0, tolerance::kOutward);
  EXPECT_NEAR(zero.product->value(), 1, tolerance::kOutward);
}

// |I + B A / 2| + |B| |A| / 2 for a residual block, with other slopes in the general form, and through a constant.
TEST(Walk, SplitsResidualBlocks) {
  for (const double slope : {0.0, 0.25}) {
    Maker maker(11);
    const Index x = maker.input(5);
    const Operator<double> a = maker.matrix(7, 5);
    const Operator<double> b = maker.matrix(5, 7);
    const Index branch = maker.map(maker.apply(maker.affine(x, 5), graph_support::leaky(slope)), eye(5));
    const Index inside = maker.apply(maker.map(branch, a), graph_support::leaky(slope));
    const Index end = maker.add(graph::Sum{}, {branch, maker.map(inside, b), maker.constant(maker.normal(5))}, {5});
    const Walk found = walked(maker, end);
    const double before = norm_of(std::get<graph::Affine>(maker.graph.nodes[x + 1].operation).map);
    const double m = (1 + slope) / 2;
    const double h = (1 - slope) / 2;
    const double split = norm_of(sum<double>({eye(5), scaled(m, product(b, a))})) + h * norm_of(b) * norm_of(a);
    EXPECT_NEAR(found.product->value(), before * (1 + norm_of(b) * norm_of(a)),
                tolerance::kOutward * found.product->value());
    EXPECT_LE(found.bound->value(), before * split * (1 + tolerance::kOutward));
    expect_true(maker.graph, Everywhere{}, found);
  }
}

}  // namespace
}  // namespace sigmax::lipschitz
