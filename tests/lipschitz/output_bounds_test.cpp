// Bounds of single outputs: against two points, closed forms, and the bounds that they must not exceed.
#include "sigmax/lipschitz/output_bounds.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <variant>
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
  const auto found = output_bounds(maker.graph, {0, 1, 2}, Everywhere{}, repeated());
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
  const auto found = output_bounds(maker.graph, {0, 1}, Everywhere{}, options);
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
      for (const bool pairs : {false, true}) {
        const std::vector<Pair> asked = {{0, 1}, {3, 2}};
        const graph::Graph rows = pairs ? with_differences(graph, asked) : with_entries(graph, {0, 1, 2, 3});
        const auto found = pairs ? margin_bounds(graph, asked, domain, repeated())
                                 : output_bounds(graph, {0, 1, 2, 3}, domain, repeated());
        WalkOptions plain = repeated().walk;
        plain.join_up_to = 0;
        const auto walked = outputs_by_walk(rows, domain, plain);
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
  const graph::Graph rows = with_entries(maker.graph, {0, 1, 2});
  const auto found = output_bounds(maker.graph, {0, 1, 2}, Everywhere{}, repeated());
  for (std::size_t k = 0; k < 3; ++k) {
    graph::Graph one = rows;
    one.outputs = {rows.outputs[k]};
    EXPECT_LE(lower_bound(one, Everywhere{}, repeatable<LowerOptions>()).bound.value(), found[k]->value());
  }
}

// Rows that are known up to a relative error: of the last map, and of one that another is multiplied with.
TEST(OutputBounds, CountErrorsOfRows) {
  for (const bool is_last : {true, false}) {
    const auto network = [is_last](double row_error, const Numbers& scales) {
      Maker maker(7);
      const Index x = maker.input(3);
      const Index hidden = maker.apply(maker.affine(x, 5), graph_support::relu());
      const Index inner = maker.affine(hidden, 2);
      const Index scaled =
          maker.map(inner, dense<double>(Tensor::copy_of(Numbers{scales[0], 0, 0, scales[1]}, {2, 2})));
      std::get<graph::Affine>(maker.graph.nodes[scaled].operation).row_error = row_error;
      const Numbers last = is_last ? Numbers{1, 0, 0, 1} : Numbers{2, -1, 1, 3};
      maker.graph.outputs = {is_last ? scaled : maker.map(scaled, dense<double>(Tensor::copy_of(last, {2, 2})))};
      return maker.graph;
    };
    const graph::Graph uncertain = network(0.25, {1, 1});
    const auto margin = margin_bounds(uncertain, {{0, 1}}, Everywhere{}, repeated());
    const auto single = output_bounds(uncertain, {0, 1}, Everywhere{}, repeated());
    for (const Numbers& scales : {Numbers{1.25, 0.75}, Numbers{0.75, 1.25}, Numbers{1.25, 1.25}}) {
      const graph::Graph one = network(0, scales);
      const auto lower_of = [](const graph::Graph& graph) {
        return lower_bound(graph, Everywhere{}, repeatable<LowerOptions>()).bound.value();
      };
      EXPECT_LE(lower_of(with_differences(one, {{0, 1}})), margin[0]->value());
      for (const std::size_t k : {0U, 1U}) EXPECT_LE(lower_of(with_entries(one, {k})), single[k]->value());
    }
  }
}

TEST(OutputBounds, OfANetworkWithoutABoundAreMissing) {
  Maker maker(1);
  const Index x = maker.input(2);
  maker.graph.outputs = {maker.add(graph::Product{}, {x, x}, {2})};
  EXPECT_FALSE(output_bounds(maker.graph, {1}, Everywhere{}, repeated())[0]);
}

}  // namespace
}  // namespace sigmax::lipschitz
