#include "sigmax/graph/graph.hpp"

#include <gtest/gtest.h>

#include <string>

#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"

namespace sigmax::graph {
namespace {

/// x of 3 entries, two linear maps of it and their sum.
Graph two_branches() {
  const std::vector<double> weight = {1, 2, 3, 4, 5, 6};
  const Operator<double> map = dense<double>(Tensor::copy_of(weight, {2, 3}));
  Graph graph;
  graph.nodes = {{"x", Input{}, {}, {1, 3}},
                 {"Gemm 'a'", Affine{map, {0.5, -0.5}}, {0}, {1, 2}},
                 {"Gemm 'b'", Affine{map}, {0}, {1, 2}},
                 {"Add 'sum'", Sum{}, {1, 2}, {1, 2}}};
  graph.inputs = {0};
  graph.outputs = {3};
  return graph;
}

std::string message_of(const Graph& graph) {
  try {
    validate(graph);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Graph, AcceptsNodesThatFit) { EXPECT_EQ(message_of(two_branches()), ""); }

TEST(Graph, NamesTheNodeThatReadsALaterOne) {
  Graph graph = two_branches();
  graph.nodes[1].inputs = {2};
  EXPECT_EQ(message_of(graph), "[graph] node 1 (Gemm 'a') reads node 2, which does not come before it");
}

TEST(Graph, NamesTheNodeWhoseSizesDoNotFit) {
  Graph graph = two_branches();
  graph.nodes[3].shape = {1, 3};
  EXPECT_EQ(message_of(graph), "[graph] node 3 (Add 'sum') has an input of 2 entries, not 3");
  graph = two_branches();
  std::get<Affine>(graph.nodes[1].operation).offset = {1};
  EXPECT_EQ(message_of(graph), "[graph] node 1 (Gemm 'a') has an offset of 1 entries, not 2");
  graph = two_branches();
  graph.nodes[2].operation = Affine{identity<double>(2)};
  EXPECT_EQ(message_of(graph), "[graph] node 2 (Gemm 'b') has an input of 3 entries, not 2");
}

TEST(Graph, RefusesOutputsAndInputsThatAreNone) {
  Graph graph = two_branches();
  graph.outputs = {4};
  EXPECT_EQ(message_of(graph), "[graph] there is no node 4 to put out");
  graph = two_branches();
  graph.inputs = {1};
  EXPECT_EQ(message_of(graph), "[graph] node 1 is not an input");
}

}  // namespace
}  // namespace sigmax::graph
