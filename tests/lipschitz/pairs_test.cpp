#include "sigmax/lipschitz/pairs.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "support/graphs.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::Maker;
using Numbers = std::vector<double>;

WalkOptions repeated() {
  WalkOptions options;
  options.certify = repeatable<CertifyOptions>();
  return options;
}

TEST(Pairs, DifferencesAreOutputs) {
  Maker maker(1);
  const Index x = maker.input(3);
  maker.graph.outputs = {x, maker.constant({10, 20})};
  const graph::Graph graph = with_differences(maker.graph, {{0, 2}, {4, 1}, {3, 3}});
  graph::validate(graph);
  EXPECT_EQ(outputs(graph, graph::evaluate(graph, Numbers{1, 2, 4})), (Numbers{-3, 18, 0}));
  EXPECT_THROW(with_differences(maker.graph, {{0, 5}}), Error);
}

// Of a linear classifier: |w_i - w_j|.
TEST(Pairs, OfALinearMapAreDistancesOfRows) {
  Maker maker(1);
  const Index x = maker.input(2);
  maker.graph.outputs = {maker.map(x, dense<double>(Tensor::copy_of(Numbers{3, 0, 0, 4, 3, 1}, {3, 2})))};
  const auto found = pair_bounds(maker.graph, {{0, 1}, {0, 2}, {1, 1}}, Everywhere{}, repeated());
  EXPECT_NEAR(found[0]->value(), 5, tolerance::kOutward);
  EXPECT_NEAR(found[1]->value(), 1, tolerance::kOutward);
  EXPECT_NEAR(found[2]->value(), 0, tolerance::kOutward);
}

TEST(Pairs, OfNetworksHoldAndBeatTheBoundOfAllOutputs) {
  const std::vector<Pair> pairs = {{0, 1}, {1, 2}, {3, 0}};
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Maker maker(seed);
    const Index x = maker.input(5);
    const Index inner = maker.apply(maker.affine(x, 9), graph_support::relu());
    maker.graph.outputs = {maker.affine(maker.apply(maker.affine(inner, 8), graph_support::relu()), 4)};
    const double all = walk(maker.graph, Everywhere{}, repeated()).bound->value();
    for (const Domain& domain : {Domain(Everywhere{}), Domain(Ball{Numbers(5, 0.5), 0.05})}) {
      const auto found = pair_bounds(maker.graph, pairs, domain, repeated());
      for (std::size_t k = 0; k < pairs.size(); ++k) {
        const graph::Graph one = with_differences(maker.graph, {pairs[k]});
        auto options = repeatable<LowerOptions>();
        options.starts = 3;
        options.steps = 30;
        EXPECT_LE(lower_bound(one, domain, options).bound.value(), found[k]->value());
        EXPECT_LE(found[k]->value(), std::numbers::sqrt2 * all * (1 + tolerance::kOutward));
      }
    }
  }
}

}  // namespace
}  // namespace sigmax::lipschitz
