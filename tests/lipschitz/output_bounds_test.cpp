// Bounds of single outputs: against two points, closed forms, and the bounds that they must not exceed.
#include "sigmax/lipschitz/output_bounds.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "sigmax/lipschitz/pairs.hpp"
#include "sigmax/ops/dense.hpp"
#include "support/graphs.hpp"
#include "tolerance.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph_support::Maker;
using Numbers = std::vector<double>;

NetworkBoundOptions repeated() {
  NetworkBoundOptions options;
  options.walk.certify = repeatable<CertifyOptions>();
  options.lower = false;
  return options;
}

graph::Graph random_network(std::uint64_t seed) {
  Maker maker(seed);
  const Index x = maker.input(5);
  const Index inner = maker.apply(maker.affine(x, 9), graph_support::relu());
  maker.graph.outputs = {maker.affine(maker.apply(maker.affine(inner, 8), graph_support::relu()), 4)};
  return maker.graph;
}

TEST(OutputBounds, OfALinearMapAreNormsOfRows) {
  Maker maker(1);
  const Index x = maker.input(2);
  maker.graph.outputs = {maker.map(x, dense<double>(Tensor::copy_of(Numbers{3, 4, 0, 2, 5, 12}, {3, 2})))};
  const NetworkEnclosure whole = network_bound(maker.graph, Everywhere{}, repeated());
  const auto found = output_bounds(with_entries(maker.graph, {0, 1, 2}), whole, Everywhere{}, repeated());
  EXPECT_NEAR(found[0]->value(), 5, tolerance::kOutward);
  EXPECT_NEAR(found[1]->value(), 2, tolerance::kOutward);
  EXPECT_NEAR(found[2]->value(), 13, 2 * tolerance::kOutward);
}

// One hidden layer whose neurons each reach one output: |w_out| |w_in|, neuron by neuron, if each output is searched
// for itself.
TEST(OutputBounds, OfSeparateNeuronsAreTheirOwn) {
  Maker maker(1);
  const Index x = maker.input(2);
  const Index hidden = maker.map(x, dense<double>(Tensor::copy_of(Numbers{3, 0, 0, 4}, {2, 2})));
  const Index active = maker.apply(hidden, graph_support::relu());
  maker.graph.outputs = {maker.map(active, dense<double>(Tensor::copy_of(Numbers{2, 0, 0, 5}, {2, 2})))};
  NetworkBoundOptions options = repeated();
  options.lmi.effort = LmiEffort::high;
  const NetworkEnclosure whole = network_bound(maker.graph, Everywhere{}, options);
  const auto found = output_bounds(with_entries(maker.graph, {0, 1}), whole, Everywhere{}, options);
  constexpr double kSearched = 1e-3;
  EXPECT_GE(found[0]->value(), 6 * (1 - tolerance::kOutward));
  EXPECT_LE(found[0]->value(), 6 * (1 + kSearched));
  EXPECT_GE(found[1]->value(), 20 * (1 - tolerance::kOutward));
  EXPECT_LE(found[1]->value(), 20 * (1 + kSearched));
}

TEST(OutputBounds, HoldForTwoPointsAndAreNoMoreThanTheWalks) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const graph::Graph graph = random_network(seed);
    for (const Domain& domain : {Domain(Everywhere{}), Domain(Ball{Numbers(5, 0.5), 0.05})}) {
      const NetworkEnclosure whole = network_bound(graph, domain, repeated());
      for (const graph::Graph& rows : {with_entries(graph, {0, 1, 2, 3}), with_differences(graph, {{0, 1}, {3, 2}})}) {
        const auto found = output_bounds(rows, whole, domain, repeated());
        const auto walked = outputs_by_walk(rows, domain, repeated().walk);
        ASSERT_EQ(found.size(), rows.outputs.size());
        for (std::size_t k = 0; k < found.size(); ++k) {
          graph::Graph one = rows;
          one.outputs = {rows.outputs[k]};
          auto search = repeatable<LowerOptions>();
          search.starts = 3;
          search.steps = 30;
          EXPECT_LE(lower_bound(one, domain, search).bound.value(), found[k]->value());
          EXPECT_LE(found[k]->value(), walked[k]->value());
        }
      }
    }
  }
}

// A part in front that the inequality does not cover multiplies.
TEST(OutputBounds, CountThePartsBefore) {
  Maker maker(3);
  const Index x = maker.input(6);
  const Index halves = maker.map(x, dense<double>(Tensor::copy_of(Numbers(36, 0.25), {6, 6})));
  const Index soft = maker.add(graph::Softmax{{1, 6, 1}, false}, {halves}, {6});
  const Index hidden = maker.apply(maker.affine(soft, 7), graph_support::relu());
  maker.graph.outputs = {maker.affine(hidden, 3)};
  const NetworkEnclosure whole = network_bound(maker.graph, Everywhere{}, repeated());
  const graph::Graph rows = with_entries(maker.graph, {0, 1, 2});
  const auto found = output_bounds(rows, whole, Everywhere{}, repeated());
  for (std::size_t k = 0; k < 3; ++k) {
    graph::Graph one = rows;
    one.outputs = {rows.outputs[k]};
    EXPECT_LE(lower_bound(one, Everywhere{}, repeatable<LowerOptions>()).bound.value(), found[k]->value());
  }
}

TEST(OutputBounds, OfANetworkWithoutABoundAreMissing) {
  Maker maker(1);
  const Index x = maker.input(2);
  maker.graph.outputs = {maker.add(graph::Product{}, {x, x}, {2})};
  const NetworkEnclosure whole = network_bound(maker.graph, Everywhere{}, repeated());
  EXPECT_FALSE(output_bounds(with_entries(maker.graph, {1}), whole, Everywhere{}, repeated())[0]);
}

}  // namespace
}  // namespace sigmax::lipschitz
