#include "sigmax/lipschitz/walk.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "lipschitz/walks.hpp"
#include "sigmax/graph/unrolled.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

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
      const Numbers center = Maker(seed + 100).normal(4);
      for (const Domain& domain : {Domain(Everywhere{}), Domain(Ball{center, 0.3}), Domain(Ball{center, 0.3, norm})}) {
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

// relu(x + y - 1) near 0: the kink is 1, sqrt(1/2) and 1/2 away.
TEST(Walk, KnowsWhatABallOfEachNormReaches) {
  Maker maker(1);
  const Index sum = maker.add(graph::Affine{matrix({1, 1}, 1, 2), {-1}}, {maker.input(2)}, {1});
  maker.graph.outputs = {maker.apply(sum, graph_support::relu())};
  const std::pair<VectorNorm, double> kinks[] = {
      {VectorNorm::one, 1}, {VectorNorm::two, std::sqrt(0.5)}, {VectorNorm::infinity, 0.5}};
  for (const auto& [norm, distance] : kinks) {
    SCOPED_TRACE(name(norm));
    auto options = repeated();
    options.norm = norm;
    EXPECT_EQ(walk(maker.graph, Ball{{0, 0}, 0.99 * distance, norm}, options).bound->value(), 0);
    EXPECT_GT(walk(maker.graph, Ball{{0, 0}, 1.01 * distance, norm}, options).bound->value(), 0.9);
  }
}

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
  expect_attained(Reduction{Reduction::Kind::LogSumExp, groups}, {2, 1}, {60, 0, 1, 0, 0, 50});
  expect_attained(graph::Sorted{groups, 2, true}, {2, 2}, {1, -1, 2, 3, 4, -5});
  expect_attained(graph::LocalResponse{{1, 3, 1}, 3, 0, 0.75, 4}, {3}, {1, 2, 3});
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

// The bound is bias^-beta (1 + c sqrt n) with c = 2 (beta / (beta + 1))^(beta + 1); the norm at 0 is bias^-beta, and a
// search comes near to nothing above that.
TEST(Walk, BoundsLocalResponsesOfAnySize) {
  for (const double beta : {0.0, 0.25, 0.75, 2.0, 5.0}) {
    for (const std::int64_t size : {1, 2, 5, 20}) {
      Maker maker(1);
      const Index x = maker.input(12);
      const graph::LocalResponse response{{1, 6, 2}, size, 1.5, beta, 0.5};
      const Walk found = walked(maker, maker.add(response, {x}, {6, 2}));
      ASSERT_TRUE(found.bound);
      const double n = static_cast<double>(std::min<std::int64_t>(size, 6));
      const double c = 2 * std::pow(beta / (beta + 1), beta + 1);
      EXPECT_NEAR(found.bound->value() / (std::pow(0.5, -beta) * (1 + c * std::sqrt(n))), 1, tolerance::kOutward);
      expect_true(maker.graph, Everywhere{}, found);
      expect_true(maker.graph, Ball{Numbers(12, 0.3), 1}, walk(maker.graph, Ball{Numbers(12, 0.3), 1}, repeated()));
    }
  }
}

// The steps of a layer are the layer, and where its rule is loose, the walk over them is not.
TEST(Walk, BoundsRecurrencesByTheirSteps) {
  for (const Kind kind : {Kind::simple, Kind::gru, Kind::gru_linear, Kind::lstm, Kind::lstm_backward}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(static_cast<int>(kind));
      const graph::Graph whole = single(kind, seed);
      const auto& node = whole.nodes[whole.outputs[0]];
      const auto& recurrence = std::get<graph::Recurrence>(node.operation);
      graph::Graph steps = graph::unrolled(recurrence);
      graph::validate(steps);
      const Numbers x = Maker(seed).normal(6);
      graph::Graph layer;
      layer.nodes = {{"x", graph::Input{}, {}, {6}}, {"layer", recurrence, {0}, {3, 2}}};
      layer.inputs = {0};
      layer.outputs = {1};
      const Numbers one = graph::evaluate(layer, x)[1], many = graph::evaluate(steps, x)[steps.outputs[0]];
      for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], many[i], 1e-14);
      auto rule_alone = repeated();
      rule_alone.join_up_to = 0;
      for (const Domain& domain : {Domain(Everywhere{}), Domain(Ball{x, 0.1})}) {
        const double by_rule = walk(layer, domain, rule_alone).bound->value();
        const Walk found = walk(layer, domain, repeated());
        EXPECT_LE(found.bound->value(), by_rule);
        expect_true(layer, domain, found);
      }
    }
  }
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

}  // namespace
}  // namespace sigmax::lipschitz
