#include "sigmax/lipschitz/walk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "repeatable.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/selection.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/graphs.hpp"
#include "support/opaque.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::composition;
using graph_support::Kind;
using graph_support::Maker;
using graph_support::single;
using Numbers = std::vector<double>;

WalkOptions repeated() {
  WalkOptions options;
  options.certify = repeatable<CertifyOptions>();
  return options;
}

double norm_of(const Operator<double>& a) { return sigma_max(*a, repeatable<CertifyOptions>()).upper->value(); }

double norm_at(const graph::Graph& graph, const Numbers& x) {
  return svd(*graph::jacobian(graph, x), repeatable<SvdOptions<double>>()).sigma[0];
}

Operator<double> matrix(const Numbers& values, std::int64_t rows, std::int64_t columns) {
  return dense<double>(Tensor::copy_of(values, {rows, columns}));
}

Operator<double> eye(std::int64_t n) {
  Numbers values(static_cast<std::size_t>(n * n), 0.0);
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * (n + 1))] = 1;
  return matrix(values, n, n);
}

/// The walk of the graph that ends in this node.
Walk walked(Maker& maker, Index output, const Domain& domain = Everywhere{}) {
  maker.graph.outputs = {output};
  return walk(maker.graph, domain, repeated());
}

// Bounds hold: the greatest quotient of a search is a proven lower bound of the same constant.
void expect_true(const graph::Graph& graph, const Domain& domain, const Walk& found) {
  if (!found.bound) return;
  auto options = repeatable<LowerOptions>();
  options.starts = 3;
  options.steps = 30;
  const Lower lower = lower_bound(graph, domain, options);
  EXPECT_LE(lower.bound.value(), found.bound->value());
  ASSERT_TRUE(found.product);
  EXPECT_LE(found.bound->value(), found.product->value());
  EXPECT_EQ(found.bound->certainty(), Certainty::proven);
}

class WalkOfEach : public testing::TestWithParam<int> {};

TEST_P(WalkOfEach, BoundsWhatSearchesFind) {
  const auto kind = static_cast<Kind>(GetParam());
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Graph graph = single(kind, seed);
    const Walk global = walk(graph, Everywhere{}, repeated());
    const bool needs_domain = kind == Kind::product || kind == Kind::quotient || kind == Kind::matrix_product;
    EXPECT_EQ(global.bound.has_value(), !needs_domain);
    EXPECT_EQ(global.refused.empty(), !needs_domain);
    expect_true(graph, Everywhere{}, global);
    const Domain ball = Ball{Maker(seed + 100).normal(4), 0.3};
    const Walk local = walk(graph, ball, repeated());
    ASSERT_TRUE(local.bound) << local.refused[0].reason;
    expect_true(graph, ball, local);
    if (global.bound) {
      EXPECT_LE(local.bound->value(), global.bound->value() * (1 + tolerance::kOutward));
    }
    const Domain box = graph::Box{{-1, 1}, {0, 2}, {-1, -0.5}, {0.25, 0.25}};
    const Walk boxed = walk(graph, box, repeated());
    ASSERT_TRUE(boxed.bound);
    expect_true(graph, box, boxed);
  }
}

// In the norms of sums and of greatest entries, where the searches are those of these norms.
TEST_P(WalkOfEach, BoundsWhatSearchesFindInOtherNorms) {
  const auto kind = static_cast<Kind>(GetParam());
  for (const VectorNorm norm : {VectorNorm::one, VectorNorm::infinity}) {
    SCOPED_TRACE(name(norm));
    auto options = repeated();
    options.norm = norm;
    auto search = repeatable<LowerOptions>();
    search.norm = norm;
    search.starts = 3;
    search.steps = 30;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const graph::Graph graph = single(kind, seed);
      for (const Domain& domain : {Domain(Everywhere{}), Domain(Ball{Maker(seed + 100).normal(4), 0.3})}) {
        const Walk found = walk(graph, domain, options);
        EXPECT_TRUE(found.bound || std::holds_alternative<Everywhere>(domain));
        if (!found.bound) continue;
        EXPECT_LE(lower_bound(graph, domain, search).bound.value(), found.bound->value());
        EXPECT_LE(found.bound->value(), found.product->value());
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, WalkOfEach, testing::Range(0, graph_support::kKinds));

TEST(Walk, BoundsRandomCompositions) {
  int bounded = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Graph graph = composition(seed, 5, graph_support::all_kinds());
    for (const Domain& domain :
         {Domain(Everywhere{}), Domain(Ball{Numbers(5, 0.25), 0.5}), Domain(graph::Box(5, graph::Interval{-0.5, 1}))}) {
      const Walk found = walk(graph, domain, repeated());
      EXPECT_EQ(found.bound.has_value(), found.refused.empty());
      bounded += found.bound ? 1 : 0;
      expect_true(graph, domain, found);
    }
  }
  EXPECT_GE(bounded, 60);
}

// The rules that are attained: the norm of the Jacobian at a point that the rule's proof names.
TEST(Walk, IsSharpWhereItsRulesAre) {
  const auto expect_attained = [](const graph::Operation& operation, Dimensions shape, const Numbers& at) {
    Maker maker(1);
    const Index x = maker.input(static_cast<std::int64_t>(at.size()));
    const Walk found = walked(maker, maker.add(operation, {x}, std::move(shape)));
    ASSERT_TRUE(found.bound);
    EXPECT_NEAR(found.bound->value(), norm_at(maker.graph, at), 1e-6 * found.bound->value());
  };
  using graph::Reduction;
  const graph::Groups groups{2, 3, 1};
  expect_attained(graph::Elementwise{{graph_support::sigmoid()}}, {2}, {0, 3});
  expect_attained(graph::Softmax{{1, 2, 1}, false}, {2}, {0.5, 0.5});
  expect_attained(graph::Softmax{{1, 3, 1}, true}, {3}, {40, 0, 0});
  expect_attained(Reduction{Reduction::Kind::AbsoluteSum, groups}, {2, 1}, {1, -1, 2, 3, 4, -5});
  expect_attained(Reduction{Reduction::Kind::EuclideanNorm, groups}, {2, 1}, {1, -1, 2, 3, 4, -5});
  expect_attained(Reduction{Reduction::Kind::Maximum, groups}, {2, 1}, {1, -1, 2, 3, 4, -5});
  const Numbers gain = {3, 1, -2};
  expect_attained(graph::Standardization{{1, 3, 1}, true, 1e-3, gain}, {3}, {7, 7, 7});
  expect_attained(graph::Standardization{{1, 3, 1}, false, 1e-3, gain}, {3}, {0, 0, 0});
  expect_attained(graph::Standardization{{1, 3, 1}, true, 1e-3}, {3}, {7, 7, 7});
}

// [1 -2; 3 0.5] has the column sums 4, 2.5 and the row sums 3, 3.5.
TEST(Walk, OtherNormsOfMapsAreSums) {
  const auto bound_of = [](VectorNorm norm) {
    Maker maker(1);
    maker.graph.outputs = {maker.map(maker.input(2), matrix({1, -2, 3, 0.5}, 2, 2))};
    auto options = repeated();
    options.norm = norm;
    auto search = repeatable<LowerOptions>();
    search.norm = norm;
    const double bound = walk(maker.graph, Everywhere{}, options).bound->value();
    EXPECT_GE(lower_bound(maker.graph, Everywhere{}, search).bound.value(), bound * (1 - 1e-4));
    return bound;
  };
  EXPECT_NEAR(bound_of(VectorNorm::one), 4, tolerance::kOutward);
  EXPECT_NEAR(bound_of(VectorNorm::infinity), 3.5, tolerance::kOutward);
}

// Where all columns of the Jacobian of a log-softmax have the sum n - 1, and its rows 2 (1 - p).
TEST(Walk, OtherNormsAreSharpWhereTheirRulesAre) {
  const auto bound_of = [](const graph::Operation& operation, std::int64_t size, Dimensions shape, VectorNorm norm) {
    Maker maker(1);
    const Index x = maker.input(size);
    maker.graph.outputs = {maker.add(operation, {x}, std::move(shape))};
    auto options = repeated();
    options.norm = norm;
    return walk(maker.graph, Everywhere{}, options).bound->value();
  };
  const graph::Softmax logarithm{{1, 5, 1}, true};
  EXPECT_NEAR(bound_of(logarithm, 5, {5}, VectorNorm::one), 4, tolerance::kOutward);
  EXPECT_NEAR(bound_of(logarithm, 5, {5}, VectorNorm::infinity), 2, tolerance::kOutward);
  EXPECT_NEAR(bound_of(graph::Softmax{{1, 5, 1}, false}, 5, {5}, VectorNorm::one), 0.5, tolerance::kOutward);
  Correlation window;
  window.axes = {{3, 1, 1, 0, 9, 7}};
  EXPECT_NEAR(bound_of(graph::MaxPool{window, 1}, 9, {7}, VectorNorm::one), 3, tolerance::kOutward);
  EXPECT_NEAR(bound_of(graph::MaxPool{window, 1}, 9, {7}, VectorNorm::infinity), 1, tolerance::kOutward);
}

// Windows of a 2-D pooling that one entry is in: 3/2 four, 3/1 nine, 2/2 one, 3/2 dilated by 2 nine.
TEST(Walk, CountsTheWindowsOfAPooling) {
  const auto pooled = [](std::int64_t kernel, std::int64_t stride, std::int64_t dilation) {
    Maker maker(1);
    Correlation window;
    const std::int64_t size = 13;
    const std::int64_t out = (size - (dilation * (kernel - 1) + 1)) / stride + 1;
    window.axes = {{kernel, stride, dilation, 0, size, out}, {kernel, stride, dilation, 0, size, out}};
    const Index x = maker.input(size * size);
    return walked(maker, maker.add(graph::MaxPool{window, 1}, {x}, {1, out, out})).bound->value();
  };
  EXPECT_NEAR(pooled(3, 2, 1), 2, tolerance::kOutward);
  EXPECT_NEAR(pooled(3, 1, 1), 3, tolerance::kOutward);
  EXPECT_NEAR(pooled(2, 2, 1), 1, tolerance::kOutward);
  EXPECT_NEAR(pooled(3, 2, 2), 3, tolerance::kOutward);
}

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
  const Walk canceled =
      walked(maker, maker.map(maker.map(x, transposed(a)->shape().rows == 4 ? b : a), matrix({2}, 1, 1)));
  EXPECT_NEAR(canceled.bound->value(), 2, tolerance::kOutward);
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

TEST(Walk, RefusesProductsWithoutBoundsOnValuesAndSaysWhatHelps) {
  Maker maker(5);
  const Index x = maker.input(3);
  const Index product = maker.add(graph::Product{}, {x, maker.affine(x, 3)}, {3});
  const Index after = maker.affine(product, 2);
  const Walk everywhere = walked(maker, after);
  EXPECT_FALSE(everywhere.bound);
  EXPECT_FALSE(everywhere.product);
  ASSERT_EQ(everywhere.refused.size(), 1u);
  EXPECT_EQ(everywhere.refused[0].node, product);
  EXPECT_EQ(everywhere.refused[0].reason, "multiplies by a value that is not bounded");
  EXPECT_TRUE(everywhere.refused[0].needs_bounded_domain);
  EXPECT_FALSE(everywhere.layers.back().running);
  EXPECT_TRUE(everywhere.layers.back().bound);
  EXPECT_TRUE(walked(maker, after, graph::Box(3, graph::Interval{-1, 1})).bound);
}

// x^2 on [-2, 2]: the greatest slope is 4, and rounding of the interval adds little.
TEST(Walk, BoundsProductsAndQuotientsOnABoxSharply) {
  Maker maker(5);
  const Index x = maker.input(1);
  const graph::Box box = {{1, 2}};
  EXPECT_NEAR(walked(maker, maker.add(graph::Product{}, {x, x}, {1}), box).bound->value(), 4, tolerance::kOutward);
  const Index reciprocal = maker.add(graph::Quotient{}, {maker.constant({3}), x}, {1});
  EXPECT_NEAR(walked(maker, reciprocal, box).bound->value(), 3, tolerance::kOutward);
  const Walk at_zero = walked(maker, reciprocal, graph::Box{{-1, 2}});
  EXPECT_FALSE(at_zero.bound);
  EXPECT_EQ(at_zero.refused[0].reason, "divides by a value that may be 0");
  EXPECT_FALSE(at_zero.refused[0].needs_bounded_domain);
}

// Attention on normalized vectors is Lipschitz everywhere: the normalization bounds queries, keys and values.
TEST(Walk, BoundsAttentionBehindANormalization) {
  Maker maker(9);
  const Index x = maker.input(12);  // 4 vectors of 3
  const Index normal = maker.add(graph::Standardization{{4, 3, 1}, true, 0.1}, {x}, {4, 3});
  const auto per_token = [&](Index from) {
    const Numbers w = maker.normal(9, 0.5);
    Numbers all(144, 0.0);
    for (std::size_t t = 0; t < 4; ++t) {
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) all[(3 * t + i) * 12 + 3 * t + j] = w[3 * i + j];
      }
    }
    return maker.map(from, matrix(all, 12, 12));
  };
  const Index queries = per_token(normal);
  const Index keys = per_token(normal);
  Numbers transpose(144, 0.0);
  for (std::size_t t = 0; t < 4; ++t) {
    for (std::size_t i = 0; i < 3; ++i) transpose[(i * 4 + t) * 12 + 3 * t + i] = 1;
  }
  const Index scores =
      maker.add(graph::MatrixProduct{1, 4, 3, 4}, {queries, maker.map(keys, matrix(transpose, 12, 12))}, {4, 4});
  const Index weights = maker.add(graph::Softmax{{4, 4, 1}, false}, {scores}, {4, 4});
  const Index end = maker.add(graph::MatrixProduct{1, 4, 4, 3}, {weights, per_token(normal)}, {4, 3});
  const Walk found = walked(maker, end);
  ASSERT_TRUE(found.bound);
  expect_true(maker.graph, Everywhere{}, found);
}

TEST(Walk, NamesNodesWithoutABound) {
  Maker maker(5);
  const Index x = maker.input(3);
  const Index refused = maker.add(graph::Refused{"steps at integers"}, {x}, {3});
  const Index opaque = maker.map(x, std::make_shared<OpaqueOperator<double>>(maker.matrix(3, 3)));
  const Walk found = walked(maker, maker.add(graph::Sum{}, {refused, maker.affine(refused, 3), opaque}, {3}));
  EXPECT_FALSE(found.bound);
  ASSERT_EQ(found.refused.size(), 2u);
  EXPECT_EQ(found.refused[0].name, maker.graph.nodes[refused].name);
  EXPECT_EQ(found.refused[0].reason, "steps at integers");
  EXPECT_EQ(found.refused[1].node, opaque);
  // Neither counts where no output depends on it.
  EXPECT_TRUE(walked(maker, maker.affine(x, 1)).bound);
}

// One run names everything that stands in the way: also behind a node that is refused, except where that alone is why.
TEST(Walk, NamesRefusedNodesBehindOthers) {
  Maker maker(5);
  const Index x = maker.input(3);
  const Index first = maker.add(graph::Refused{"jumps"}, {x}, {3});
  const Index second = maker.add(graph::Refused{"jumps too"}, {maker.affine(first, 3)}, {0});
  const Index third = maker.add(graph::Refused{"comes after a node without a shape"}, {second}, {3});
  const Index product = maker.add(graph::Product{}, {third, third}, {3});
  const Walk found = walked(maker, product);
  ASSERT_EQ(found.refused.size(), 2u);
  EXPECT_EQ(found.refused[0].node, first);
  EXPECT_EQ(found.refused[1].node, second);
}

TEST(Walk, RefusesWhatOverflowsAndKeepsWhatIsFarFromOne) {
  Maker maker(5);
  Index at = maker.input(1);
  for (int i = 0; i < 3; ++i) at = maker.map(at, matrix({1e120}, 1, 1));
  const Walk found = walked(maker, at);
  EXPECT_FALSE(found.bound);
  EXPECT_EQ(found.refused[0].reason, "has a bound beyond the range of double");
  Maker small(5);
  Index low = small.input(1);
  for (int i = 0; i < 3; ++i) low = small.map(low, matrix({i == 2 ? 1e200 : 1e-150}, 1, 1));
  EXPECT_NEAR(walked(small, low).bound->value() / 1e-100, 1, tolerance::kOutward);
}

TEST(Walk, OfAConstantIsZeroAndKeepsAssumptions) {
  Maker maker(5);
  maker.input(3);
  maker.graph.assumptions = {"batch size 1"};
  const Walk found = walked(maker, maker.affine(maker.constant({1, 2}), 2));
  EXPECT_EQ(found.bound->value(), 0);
  EXPECT_TRUE(found.layers.empty());
  EXPECT_EQ(found.assumptions, std::vector<std::string>{"batch size 1"});
}

}  // namespace
}  // namespace sigmax::lipschitz
