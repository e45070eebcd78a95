#include "sigmax/lipschitz/output_bounds.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "support/graphs.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::Kind;
using graph_support::Maker;
using Numbers = std::vector<double>;

NetworkBoundOptions repeated_search() {
  NetworkBoundOptions options;
  options.walk.certify = repeatable<CertifyOptions>();
  return options;
}

double quotient_of(const graph::Graph& graph, const Pair& pair, const Domain& domain) {
  auto options = repeatable<LowerOptions>();
  options.starts = 3;
  options.steps = 30;
  return lower_bound(with_differences(graph, {pair}), domain, options).bound.value();
}

graph::Graph chain(std::uint64_t seed, int depth) {
  Maker maker(seed);
  Index at = maker.input(5);
  for (int k = 0; k < depth; ++k) at = maker.apply(maker.affine(at, 9), graph_support::relu());
  maker.graph.outputs = {maker.affine(at, 4)};
  return maker.graph;
}

// Of a linear classifier |w_i - w_j|, the distance of rows.
TEST(MarginBounds, OfALinearMapAreDistancesOfRows) {
  Maker maker(1);
  const Index x = maker.input(2);
  maker.graph.outputs = {maker.map(x, dense<double>(Tensor::copy_of(Numbers{3, 0, 0, 4, 3, 1}, {3, 2})))};
  const auto found = margin_bounds(maker.graph, {{0, 1}, {0, 2}, {1, 1}}, Everywhere{}, repeated_search());
  EXPECT_NEAR(found[0]->value(), 5, tolerance::kOutward);
  EXPECT_NEAR(found[1]->value(), 1, tolerance::kOutward);
  EXPECT_NEAR(found[2]->value(), 0, tolerance::kOutward);
}

TEST(MarginBounds, HoldAndAreNoMoreThanThoseOfTheWalkNorThoseOfAllLogits) {
  const std::vector<Pair> pairs = {{0, 1}, {1, 2}, {3, 0}};
  int better = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const graph::Graph graph = chain(seed, 3);
    for (const Domain& domain : {Domain(Everywhere{}), Domain(Ball{Numbers(5, 0.5), 0.05})}) {
      NetworkBoundOptions options = repeated_search();
      const auto once = margin_bounds(graph, pairs, domain, options);
      options.lmi.effort = LmiEffort::high;
      const auto found = margin_bounds(graph, pairs, domain, options);
      const auto walked = pair_bounds(graph, pairs, domain, options.walk);
      for (std::size_t k = 0; k < pairs.size(); ++k) {
        ASSERT_TRUE(found[k]);
        EXPECT_LE(quotient_of(graph, pairs[k], domain), found[k]->value());
        EXPECT_LE(found[k]->value(), walked[k]->value());
        EXPECT_LE(quotient_of(graph, pairs[k], domain), once[k]->value());
        better += static_cast<int>(found[k]->value() < 0.99 * walked[k]->value());
      }
    }
  }
  EXPECT_GE(better, 6);
}

// What comes before the last part, made of other operations, and graphs that end in one.
TEST(MarginBounds, HoldForNetworksOfEveryKind) {
  for (const Kind kind : {Kind::max_pool, Kind::softmax, Kind::layer_norm, Kind::euclidean, Kind::sum, Kind::mixed}) {
    for (const bool ends : {false, true}) {
      Maker maker(7);
      const Index x = maker.input(4);
      Index at = maker.node(kind, maker.apply(maker.affine(x, 4), graph_support::relu()), x);
      if (!ends) at = maker.affine(maker.apply(maker.affine(at, 6), graph_support::relu()), 3);
      maker.graph.outputs = {at};
      const auto found = margin_bounds(maker.graph, {{0, 1}}, Everywhere{}, repeated_search());
      ASSERT_TRUE(found[0]) << static_cast<int>(kind) << ends;
      EXPECT_LE(quotient_of(maker.graph, {0, 1}, Everywhere{}), found[0]->value());
    }
  }
}

// Rows whose difference double does not hold: 2^80 and 1 + 2^-52 in the same place, which a rounded difference of
// 2^80 loses. The bound counts the loss.
TEST(MarginBounds, CountTheRoundingOfDifferences) {
  Maker maker(1);
  const Index x = maker.input(1);
  const Index hidden =
      maker.apply(maker.map(x, dense<double>(Tensor::copy_of(Numbers{1}, {1, 1}))), graph_support::relu());
  maker.graph.outputs = {maker.map(hidden, dense<double>(Tensor::copy_of(Numbers{0x1p80, -1.25}, {2, 1})))};
  const auto found = margin_bounds(maker.graph, {{0, 1}}, Everywhere{}, repeated_search());
  const double bound = found[0]->value();
  EXPECT_GT(bound, 0x1p80);  // 2^80 + 1.25
  EXPECT_LE(bound, 0x1p80 * (1 + 1e-6));
}

// row_error: the last map is known up to a relative error of its rows.
TEST(MarginBounds, CountTheErrorOfRows) {
  Maker maker(3);
  const Index x = maker.input(3);
  const Index hidden = maker.apply(maker.affine(x, 5), graph_support::relu());
  const auto map = maker.matrix(3, 5);
  const Index exact = maker.add(graph::Affine{map}, {hidden}, {3});
  const Index rough = maker.add(graph::Affine{map, {}, 0.125}, {hidden}, {3});
  maker.graph.outputs = {exact};
  const auto without = margin_bounds(maker.graph, {{0, 1}}, Everywhere{}, repeated_search());
  maker.graph.outputs = {rough};
  const auto with = margin_bounds(maker.graph, {{0, 1}}, Everywhere{}, repeated_search());
  EXPECT_GE(with[0]->value(), without[0]->value());
  // The network whose rows really are 9/8 and 7/8 times as large.
  Numbers rows(3 * 3, 0.0);
  rows[0] = 1.125;
  rows[4] = 0.875;
  rows[8] = 1;
  maker.graph.outputs = {maker.map(exact, dense<double>(Tensor::copy_of(rows, {3, 3})))};
  EXPECT_LE(quotient_of(maker.graph, {0, 1}, Everywhere{}), with[0]->value());
}

TEST(MarginBounds, AreMissingWhereANodeIsRefused) {
  Maker maker(1);
  const Index x = maker.input(3);
  const Index refused = maker.add(graph::Refused{"steps"}, {x}, {3});
  maker.graph.outputs = {maker.affine(refused, 2)};
  EXPECT_FALSE(margin_bounds(maker.graph, {{0, 1}}, Everywhere{}, repeated_search())[0]);
  EXPECT_THROW(margin_bounds(maker.graph, {{0, 2}}), Error);
}

}  // namespace
}  // namespace sigmax::lipschitz
