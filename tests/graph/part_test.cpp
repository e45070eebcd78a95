#include "sigmax/graph/part.hpp"

#include <gtest/gtest.h>

#include "sigmax/core/error.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "support/graphs.hpp"

namespace sigmax::graph {
namespace {

using graph_support::Maker;

/// x - a, two branches b and c of it that meet in d, e.
Graph diamond() {
  Maker maker(3);
  const Index x = maker.input(3);
  const Index a = maker.add(Affine{maker.matrix(4, 3)}, {x}, {4});
  const Index b = maker.add(Elementwise{{graph_support::relu()}, {}}, {a}, {4});
  const Index c = maker.add(Affine{maker.matrix(4, 4)}, {a}, {4});
  const Index constant = maker.constant(maker.normal(4));
  const Index d = maker.add(Sum{}, {b, c, constant}, {4});
  maker.graph.outputs = {maker.add(Affine{maker.matrix(2, 4)}, {d}, {2})};
  return maker.graph;
}

TEST(Part, CutNodesAreThoseThatEveryWayPasses) { EXPECT_EQ(cut_nodes(diamond()), (std::vector<Index>{0, 1, 5, 6})); }

TEST(Part, NodesThatNoOutputNeedsDoNotCount) {
  Graph graph = diamond();
  graph.nodes.insert(graph.nodes.begin() + 6, Node{"unused", Elementwise{{graph_support::relu()}, {}}, {0}, {3}});
  graph.outputs = {7};
  EXPECT_EQ(cut_nodes(graph), (std::vector<Index>{0, 1, 5, 7}));
}

TEST(Part, TwoInputsAreCutWhereTheyMeet) {
  Maker maker(5);
  const Index x = maker.input(2);
  const Index y = maker.input(2);
  const Index sum = maker.add(Sum{}, {x, y}, {2});
  maker.graph.outputs = {sum};
  EXPECT_EQ(cut_nodes(maker.graph), (std::vector<Index>{sum}));
}

TEST(Part, ComposesToTheWhole) {
  const Graph graph = diamond();
  const std::vector<double> x = {0.5, -1, 2};
  const std::vector<double> expected = outputs(graph, evaluate(graph, x));
  std::vector<double> value = x;
  std::optional<Index> from;
  for (const Index cut : cut_nodes(graph)) {
    const Part part = part_between(graph, from, cut);
    validate(part.graph);
    value = outputs(part.graph, evaluate(part.graph, value));
    from = cut;
  }
  EXPECT_EQ(value, expected);
}

TEST(Part, RefusesAnEndThatAWayPasses) {
  Graph graph = diamond();
  EXPECT_THROW(part_between(graph, Index{2}, Index{5}), Error);
  graph.outputs = {5, 6};
  EXPECT_THROW(cut_nodes(graph), Error);
}

TEST(Part, SeveralOutputsBecomeOne) {
  Graph graph = diamond();
  graph.outputs = {5, 6};
  const Graph one = with_one_output(graph);
  validate(one);
  const std::vector<double> x = {0.5, -1, 2};
  EXPECT_EQ(outputs(one, evaluate(one, x)), outputs(graph, evaluate(graph, x)));
  EXPECT_EQ(one.outputs.size(), 1U);
}

}  // namespace
}  // namespace sigmax::graph
