// Loops and scans whose number of runs is known.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "graph/small_models.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;
using Numbers = std::vector<double>;

Message whole(const std::string& name, std::int64_t value) { return packed_tensor(name, kInt64, {}, 7, {value}); }
Message truth(const std::string& name, bool value) { return packed_tensor(name, kBool, {}, 5, {value ? 1 : 0}); }

/// x -> 2 x + i, handed out before; goes on while i < `last`.
Message doubling_body() {
  return io::testing::graph({node("Add", {"v", "v"}, {"twice"}), node("Cast", {"i"}, {"real"}) + attribute("to", 1),
                             node("Add", {"twice", "real"}, {"next"}), node("Less", {"i", "last"}, {"go"}),
                             node("Identity", {"v"}, {"before"})},
                            {}, {"i", "c", "v"}, {"go", "next", "before"});
}

Graph loop_graph(const Names& limits, const Names& outputs, std::int64_t times, std::int64_t last) {
  const Message loop =
      node("Loop", {limits[0], limits[1], "x"}, {"y", "all"}, "loop") + graph_attribute("body", doubling_body());
  return imported(whole_model({loop},
                              {whole("times", times), whole("last", last), truth("yes", true), truth("no", false)},
                              {value_info("x", {std::int64_t{2}})}, outputs));
}

TEST(Bodies, ALoopRunsAsOftenAsItsConstantsSay) {
  const Graph three = loop_graph({"times", ""}, {"y", "all"}, 3, 100);
  ASSERT_EQ(first_reason(three), "");
  const Values values = evaluated(three, {{1, -1}});
  EXPECT_EQ(values[three.outputs[0]], (Numbers{12, -4}));  // 2, 5, 12; -2, -3, -4
  EXPECT_EQ(values[three.outputs[1]], (Numbers{1, -1, 2, -2, 5, -3}));
  EXPECT_EQ(three.nodes[three.outputs[1]].shape, (Dimensions{3, 2}));
  EXPECT_EQ(output_of(loop_graph({"", "yes"}, {"y"}, 0, 1), {1, -1}), (Numbers{5, -3}));  // i = 1 is the last
  EXPECT_EQ(output_of(loop_graph({"times", "no"}, {"y"}, 3, 100), {1, -1}), (Numbers{1, -1}));
  EXPECT_NE(first_reason(loop_graph({"times", "no"}, {"all"}, 3, 100)).find("does not run"), std::string::npos);
}

TEST(Bodies, LoopsThatAreNotKnownToEndAreRefused) {
  EXPECT_NE(first_reason(loop_graph({"", ""}, {"y"}, 0, std::int64_t{1} << 40)).find("runs its graph too often"),
            std::string::npos);
  const Message until =
      io::testing::graph({node("Neg", {"v"}, {"next"}), node("ReduceMax", {"v"}, {"most"}) + attribute("keepdims", 0),
                          node("Less", {"most", "one"}, {"go"})},
                         {floats("one", {}, {1})}, {"i", "c", "v"}, {"go", "next"});
  const auto reason = first_reason(
      imported(model_of({node("Loop", {"", "", "x"}, {"y"}, "loop") + graph_attribute("body", until)}, {}, {2})));
  EXPECT_EQ(reason, "Loop 'loop' depends on the input in how often it runs");
}

// Inside of each other, with an If on what the outer one counts.
TEST(Bodies, LoopsInLoops) {
  const Message inner = io::testing::graph({node("Add", {"w", "x"}, {"more"}), node("Identity", {"ci"}, {"gi"})}, {},
                                           {"j", "ci", "w"}, {"gi", "more"});
  const Message keep = io::testing::graph({node("Identity", {"grown"}, {"k"})}, {}, {}, {"k"});
  const Message turn = io::testing::graph({node("Neg", {"grown"}, {"k"})}, {}, {}, {"k"});
  const Message outer = io::testing::graph(
      {node("Loop", {"two", "", "v"}, {"grown"}) + graph_attribute("body", inner),
       node("Equal", {"i", "zero"}, {"first"}),
       node("If", {"first"}, {"next"}) + graph_attribute("then_branch", turn) + graph_attribute("else_branch", keep),
       node("Identity", {"co"}, {"go"})},
      {}, {"i", "co", "v"}, {"go", "next"});
  const Graph graph = imported(model_of({node("Loop", {"two", "", "x"}, {"y"}) + graph_attribute("body", outer)},
                                        {whole("two", 2), whole("zero", 0)}, {1}));
  ASSERT_EQ(first_reason(graph), "");
  EXPECT_EQ(output_of(graph, {1}), (Numbers{-1}));  // -(1 + 2) + 2
}

TEST(Bodies, AScanGoesAlongItsAxes) {
  // s' = s + a; y = s' b, over the columns of a, and the rows of b backward
  const Message body = io::testing::graph({node("Add", {"s", "a"}, {"t"}), node("Mul", {"t", "b"}, {"p"})}, {},
                                          {"s", "a", "b"}, {"t", "p"});
  const Message scan = node("Scan", {"start", "x", "b3"}, {"end", "y"}) + attribute("num_scan_inputs", 2) +
                       attribute("scan_input_axes", std::vector<std::int64_t>{1, 0}) +
                       attribute("scan_input_directions", std::vector<std::int64_t>{0, 1});
  const auto graph_of = [&](const Message& more) {
    return imported(whole_model({scan + more + graph_attribute("body", body)},
                                {floats("start", {2}, {10, 20}), floats("b3", {3, 2}, {1, 2, 3, 4, 5, 6})},
                                {value_info("x", {std::int64_t{2}, std::int64_t{3}})}, {"end", "y"}));
  };
  const Graph graph = graph_of({});
  ASSERT_EQ(first_reason(graph), "");
  const Values values = evaluated(graph, {{1, 2, 3, -1, -2, -3}});
  EXPECT_EQ(values[graph.outputs[0]], (Numbers{16, 14}));
  EXPECT_EQ(values[graph.outputs[1]], (Numbers{11 * 5, 19 * 6, 13 * 3, 17 * 4, 16 * 1, 14 * 2}));
  const Graph reversed = graph_of(attribute("scan_output_directions", std::vector<std::int64_t>{1}));
  EXPECT_EQ(evaluated(reversed, {{1, 2, 3, -1, -2, -3}})[reversed.outputs[1]],
            (Numbers{16 * 1, 14 * 2, 13 * 3, 17 * 4, 11 * 5, 19 * 6}));
  EXPECT_NE(first_reason(graph_of(attribute("scan_output_axes", std::vector<std::int64_t>{1}))), "");
}

}  // namespace
}  // namespace sigmax::graph
