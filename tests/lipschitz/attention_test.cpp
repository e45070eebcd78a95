// The bound of attention: its closed form, and against Jacobians.
#include "sigmax/lipschitz/walk/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "lipschitz/walks.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/selection.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

/// Heads of attention from `queries_from` to `from`, values of tokens x width, row-major.
struct Layer {
  std::int64_t tokens = 4, width = 6, heads = 2, size = 3;  ///< size: of a head's vectors
  std::int64_t queries = 4;
  double scale = 1;
  bool causal = false;
  bool finite_mask = false;  ///< masked scores are set to -50, not to -infinity
  bool biased = false;
};

class Attention {
 public:
  Attention(Maker& maker, const Layer& layer) : maker_(maker), l_(layer) {
    for (Operator<double>* const each : {&w_q, &w_k, &w_v}) *each = maker.matrix(l_.heads * l_.size, l_.width);
  }

  Index add(Index queries_from, Index from) {
    const Index q = heads(queries_from, w_q, l_.queries, false), k = heads(from, w_k, l_.tokens, true);
    const Index v = heads(from, w_v, l_.tokens, false);
    const Dimensions shape{l_.heads, l_.queries, l_.tokens};
    const std::int64_t count = l_.heads * l_.queries * l_.tokens;
    Index scores = maker_.add(graph::MatrixProduct{l_.heads, l_.queries, l_.size, l_.tokens}, {q, k}, shape);
    Numbers factors(static_cast<std::size_t>(count), l_.scale), offset(factors.size(), 0.0);
    for (std::int64_t e = 0; e < count && l_.causal; ++e) {
      if (e % l_.tokens <= e / l_.tokens % l_.queries) continue;
      offset[static_cast<std::size_t>(e)] = l_.finite_mask ? -50 : -kInfinity;
      factors[static_cast<std::size_t>(e)] = 0;
    }
    scores = maker_.add(graph::Affine{diagonal<double>(Tensor::copy_of(factors, {count})), offset}, {scores}, shape);
    const Index weights = maker_.add(graph::Softmax{{l_.heads * l_.queries, l_.tokens, 1}, false}, {scores}, shape);
    return maker_.add(graph::MatrixProduct{l_.heads, l_.queries, l_.tokens, l_.size}, {weights, v},
                      {l_.heads, l_.queries, l_.size});
  }

  Operator<double> w_q, w_k, w_v;

 private:
  Index heads(Index from, const Operator<double>& w, std::int64_t tokens, bool of_keys) {
    const std::int64_t row = l_.heads * l_.size;
    Numbers offset;
    if (l_.biased) {
      const Numbers own = maker_.normal(row, 0.5);
      for (std::int64_t t = 0; t < tokens; ++t) offset.insert(offset.end(), own.begin(), own.end());
    }
    const Index projected =
        maker_.add(graph::Affine{kronecker<double>({identity<double>(tokens), w}), offset}, {from}, {tokens, row});
    std::vector<std::int64_t> source;
    for (std::int64_t h = 0; h < l_.heads; ++h) {
      for (std::int64_t i = 0; i < (of_keys ? l_.size : tokens); ++i) {
        for (std::int64_t j = 0; j < (of_keys ? tokens : l_.size); ++j) {
          source.push_back((of_keys ? j : i) * row + h * l_.size + (of_keys ? i : j));
        }
      }
    }
    return maker_.map(projected, selection<double>(tokens * row, std::move(source)));
  }

  Maker& maker_;
  Layer l_;
};

double greatest_jacobian(const graph::Graph& graph, const Numbers& center, double radius, std::uint64_t seed) {
  Maker random(seed);
  double most = norm_at(graph, center);
  for (int trial = 0; trial < 10; ++trial) {
    Numbers step = random.normal(static_cast<std::int64_t>(center.size()));
    double length = 0;
    for (const double each : step) length += each * each;
    Numbers x = center;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += radius * step[i] / std::sqrt(length);
    most = std::max(most, norm_at(graph, x));
  }
  return most;
}

TEST(AttentionBound, HoldsForJacobiansOnBalls) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    for (const double radius : {0.1, 1.0, 4.0}) {
      SCOPED_TRACE(seed);
      SCOPED_TRACE(radius);
      Maker maker(seed);
      Layer layer;
      layer.heads = 1 + static_cast<std::int64_t>(seed % 3);
      layer.causal = seed % 2 == 0;
      layer.finite_mask = seed % 4 == 0;
      layer.biased = seed % 3 == 0;
      layer.scale = seed % 5 == 0 ? -2 : 1 / std::sqrt(3.0);
      const Index x = maker.input(layer.tokens * layer.width);
      maker.graph.nodes[x].shape = {layer.tokens, layer.width};
      Attention attention(maker, layer);
      maker.graph.outputs = {attention.add(x, x)};
      const Numbers center = maker.normal(layer.tokens * layer.width, seed % 2 == 0 ? 0.0 : 1.0);
      const Domain ball = Ball{center, radius};
      const Walk found = walk(maker.graph, ball, repeated());
      ASSERT_TRUE(found.bound);
      EXPECT_LE(greatest_jacobian(maker.graph, center, radius, seed), found.bound->value());
      expect_true(maker.graph, ball, found);
    }
  }
}

TEST(AttentionBound, HoldsForQueriesOfAnotherValue) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Maker maker(seed);
    Layer layer;
    layer.queries = 3;
    const Index x = maker.input(3 * layer.width), y = maker.input(layer.tokens * layer.width);
    maker.graph.nodes[x].shape = {3, layer.width};
    maker.graph.nodes[y].shape = {layer.tokens, layer.width};
    Attention attention(maker, layer);
    maker.graph.outputs = {attention.add(x, y)};
    const Numbers center = maker.normal(7 * layer.width);
    const Walk found = walk(maker.graph, Ball{center, 0.5}, repeated());
    ASSERT_TRUE(found.bound);
    EXPECT_LE(greatest_jacobian(maker.graph, center, 0.5, seed), found.bound->value());
    expect_true(maker.graph, Ball{center, 0.5}, found);
  }
}

// Behind x / sqrt(mean x^2 + e), |x_i| <= R = sqrt(width): |V| (sqrt n + R^2 |A| (1 + sqrt(n / 2))), which is less than
// the bound |V| (sqrt n + R^2 |A| (1 + sqrt n)), with A = scale W_k^T W_q, times 1 / sqrt e.
TEST(AttentionBound, HasItsClosedFormBehindANormalization) {
  for (const std::int64_t tokens : {2, 5, 9}) {
    Maker maker(tokens);
    Layer layer;
    layer.heads = 1;
    layer.tokens = layer.queries = tokens;
    layer.scale = 3;
    const Index x = maker.input(tokens * layer.width);
    const double epsilon = 0.25;
    const Index normal =
        maker.add(graph::Standardization{{tokens, layer.width, 1}, false, epsilon}, {x}, {tokens, layer.width});
    Attention attention(maker, layer);
    const Walk found = walked(maker, attention.add(normal, normal));
    ASSERT_TRUE(found.bound);
    const double n = static_cast<double>(tokens), square = static_cast<double>(layer.width);
    const double a = layer.scale * norm_of(product(transposed(attention.w_k), attention.w_q));
    const double v = norm_of(attention.w_v);
    const double closed = v * (std::sqrt(n) + square * a * (1 + std::sqrt(n / 2))) / std::sqrt(epsilon);
    EXPECT_NEAR(found.bound->value() / closed, 1, 1e-6);
    EXPECT_LT(found.bound->value(), v * (std::sqrt(n) + square * a * (1 + std::sqrt(n))) / std::sqrt(epsilon));
    expect_true(maker.graph, Everywhere{}, found);
  }
}

// On a small ball around 0 the weights are 1 / n, so that |P| = 1, and little else is left.
TEST(AttentionBound, IsThatOfAMeanNearZero) {
  Maker maker(3);
  Layer layer;
  layer.heads = 1;
  const Index x = maker.input(layer.tokens * layer.width);
  maker.graph.nodes[x].shape = {layer.tokens, layer.width};
  Attention attention(maker, layer);
  maker.graph.outputs = {attention.add(x, x)};
  const Domain ball = Ball{Numbers(static_cast<std::size_t>(layer.tokens * layer.width), 0.0), 1e-3};
  const Walk found = walk(maker.graph, ball, repeated());
  ASSERT_TRUE(found.bound);
  EXPECT_NEAR(found.bound->value(), norm_of(attention.w_v), 1e-4);
}

// At a single point the rules of products and of the softmax give more than the Jacobian, but not by the count of
// heads.
TEST(AttentionBound, OfHeadsIsNotTheirSum) {
  const auto bound_with = [](std::int64_t heads) {
    Maker maker(7);
    Layer layer;
    layer.width = 8;
    layer.heads = heads;
    layer.size = 8 / heads;
    const Index x = maker.input(layer.tokens * layer.width);
    maker.graph.nodes[x].shape = {layer.tokens, layer.width};
    Attention attention(maker, layer);
    maker.graph.outputs = {attention.add(x, x)};
    const Numbers zero(static_cast<std::size_t>(layer.tokens * layer.width), 0.0);
    return walk(maker.graph, Ball{zero, 1}, repeated()).bound->value();
  };
  EXPECT_LT(bound_with(8), 2 * bound_with(1));
}

TEST(TokenMap, IsTheMapOfTheNodes) {
  Maker maker(11);
  const std::int64_t tokens = 3, width = 4;
  const Index x = maker.input(tokens * width);
  maker.graph.nodes[x].shape = {tokens, width};
  const Index a = maker.add(
      graph::Affine{kronecker<double>({identity<double>(tokens), maker.matrix(5, width)}), maker.normal(tokens * 5)},
      {x}, {tokens, 5});
  const Index b = maker.map(a, scaled(0.5, kronecker<double>({identity<double>(tokens), maker.matrix(6, 5)})));
  std::vector<std::int64_t> source;
  for (std::int64_t h = 0; h < 2; ++h) {
    for (std::int64_t k = 0; k < 3; ++k) {
      for (std::int64_t t = 0; t < tokens; ++t) source.push_back(t * 6 + h * 3 + k);
    }
  }
  const Index c = maker.map(b, selection<double>(tokens * 6, source));
  maker.graph.outputs = {c};
  Context context;
  const auto map = token_map(maker.graph, x, c, context);
  ASSERT_TRUE(map);
  const Numbers at = maker.normal(tokens * width);
  const Numbers expected = graph::evaluate(maker.graph, at)[c];
  for (std::size_t e = 0; e < expected.size(); ++e) {
    Numbers row(static_cast<std::size_t>(map->matrix->shape().rows)), vector(static_cast<std::size_t>(width));
    const auto first = at.begin() + map->token[e] * width;
    std::copy(first, first + width, vector.begin());
    map->matrix->apply({vector.data(), width, 1, width},
                       {row.data(), map->matrix->shape().rows, 1, map->matrix->shape().rows}, context);
    const graph::Interval offset = map->offset[e];
    EXPECT_LE(offset.least, offset.greatest);
    EXPECT_NEAR(row[static_cast<std::size_t>(map->row[e])] + offset.least, expected[e], 1e-12);
  }
  const auto blocks = blocks_of(*map, columns_of(2, 3, tokens));
  ASSERT_TRUE(blocks);
  EXPECT_EQ(blocks->matrices.size(), 2u);
  EXPECT_EQ(blocks->matrices[0]->shape(), (Shape{3, width}));
  EXPECT_EQ(blocks->tokens, (std::vector<std::int64_t>{0, 1, 2, 0, 1, 2}));
  EXPECT_FALSE(blocks_of(*map, rows_of(1, 6, 3)));  // rows that mix tokens
  // A dense map mixes tokens, and one with a row error is not exact.
  EXPECT_FALSE(token_map(maker.graph, x, maker.affine(c, 4), context));
  const Index inexact = maker.add(graph::Affine{identity<double>(18), {}, 1e-15}, {c}, {18});
  EXPECT_FALSE(token_map(maker.graph, x, inexact, context));
}

}  // namespace
}  // namespace sigmax::lipschitz
