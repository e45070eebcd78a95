#include "sigmax/lipschitz/attack.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "support/graphs.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::Maker;
using Numbers = std::vector<double>;

double distance(const Numbers& x, const Numbers& y) {
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (x[i] - y[i]) * (x[i] - y[i]);
  return std::sqrt(squares);
}

Operator<double> matrix(const Numbers& values, std::int64_t rows, std::int64_t columns) {
  return dense<double>(Tensor::copy_of(values, {rows, columns}));
}

// Two classes with logits 3 x_0 + 4 x_1 and 0: the margin 3 x_0 + 4 x_1 is 5 times the distance from the boundary.
graph::Graph linear_classifier() {
  Maker maker(1);
  const Index x = maker.input(2);
  maker.graph.outputs = {maker.map(x, matrix({3, 4, 0, 0}, 2, 2))};
  return maker.graph;
}

TEST(Attack, OfALinearClassifierReachesTheBoundaryExactlyWhereItIsInReach) {
  const graph::Graph graph = linear_classifier();
  const Numbers x = {1, 0.5};  // margin 5, distance 1
  const auto options = repeatable<AttackOptions>();
  EXPECT_FALSE(attack(graph, x, 0, 0.999, options));
  const auto found = attack(graph, x, 0, 1.001, options);
  ASSERT_TRUE(found);
  EXPECT_LE(distance(*found, x), 1.001);
  EXPECT_EQ(puts_first(graph, *found, 0), std::optional(false));
  EXPECT_EQ(puts_first(graph, x, 0), std::optional(true));
}

TEST(Attack, StaysInTheBox) {
  const graph::Graph graph = linear_classifier();
  auto options = repeatable<AttackOptions>();
  options.box = {{0, 1}, {-1, 1}};
  const Numbers x = {0.25, 0.5};  // the nearest point of the boundary has x_0 < 0; in the box it is (0, 0)
  EXPECT_FALSE(attack(graph, x, 0, 0.558, options));
  const auto found = attack(graph, x, 0, 0.6, options);
  ASSERT_TRUE(found);
  EXPECT_GE((*found)[0], 0);
  EXPECT_LE(distance(*found, x), 0.6);
}

TEST(Attack, FindsWhatIsThereInNetworks) {
  int beaten = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Maker maker(seed);
    const Index x = maker.input(6);
    maker.graph.outputs = {maker.affine(maker.apply(maker.affine(x, 12), graph_support::relu()), 4)};
    const Numbers at = maker.normal(6);
    const Numbers logits = outputs(maker.graph, graph::evaluate(maker.graph, at));
    const auto label = static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
    const auto found = attack(maker.graph, at, label, 3, repeatable<AttackOptions>());
    if (!found) continue;
    ++beaten;
    EXPECT_LE(distance(*found, at), 3);
    const Numbers now = outputs(maker.graph, graph::evaluate(maker.graph, *found));
    EXPECT_GE(*std::ranges::max_element(now), now[label]);
    EXPECT_EQ(puts_first(maker.graph, *found, label), std::optional(false));
  }
  EXPECT_GE(beaten, 7);
}

// Logits that rounding cannot tell apart are neither, and nor are logits that are not numbers.
TEST(Attack, ClaimsNothingThatRoundingHides) {
  Maker maker(1);
  const Index x = maker.input(1);
  maker.graph.outputs = {maker.add(graph::Affine{matrix({1, 1}, 2, 1), {0x1p60, 0x1p60 + 1}}, {x}, {2})};
  EXPECT_EQ(puts_first(maker.graph, {1}, 0), std::nullopt);
  EXPECT_EQ(puts_first(maker.graph, {1}, 1), std::nullopt);
  maker.graph.outputs = {maker.map(x, matrix({1e308, 0}, 2, 1))};
  EXPECT_EQ(puts_first(maker.graph, {100}, 0), std::nullopt);
  EXPECT_EQ(puts_first(maker.graph, {-100}, 0), std::nullopt);
}

// Tiny weights do not make a classifier certain: logits of 1e-300 apart are proven apart, and equal ones are not.
TEST(Attack, TellsTinyLogitsApart) {
  Maker maker(1);
  const Index x = maker.input(1);
  maker.graph.outputs = {maker.map(x, matrix({1e-250, 0}, 2, 1))};
  EXPECT_EQ(puts_first(maker.graph, {1}, 0), std::optional(true));
  EXPECT_EQ(puts_first(maker.graph, {0}, 0), std::optional(false));
  EXPECT_TRUE(attack(maker.graph, {1}, 0, 1.01, repeatable<AttackOptions>()));
}

TEST(Attack, RefusesWhatDoesNotFit) {
  const graph::Graph graph = linear_classifier();
  EXPECT_THROW(attack(graph, {1}, 0, 1), Error);
  EXPECT_THROW(attack(graph, {1, 1}, 2, 1), Error);
  EXPECT_THROW(attack(graph, {1, 1}, 0, -1), Error);
  EXPECT_THROW(puts_first(graph, {1, 1}, 2), Error);
  AttackOptions options;
  options.box = {{0, 0.5}, {0, 1}};
  EXPECT_THROW(attack(graph, {1, 1}, 0, 1, options), Error);
  options = {};
  options.steps = 0;
  EXPECT_THROW(attack(graph, {1, 1}, 0, 1, options), Error);
}

}  // namespace
}  // namespace sigmax::lipschitz
