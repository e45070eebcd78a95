#include "sigmax/graph/onnx/spelled_out.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "graph/small_models.hpp"
#include "sigmax/lipschitz/walk.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;

using Nodes = std::vector<Message>;

Message number(const std::string& name, float value) { return floats(name, {}, {value}); }
Message along(const Message& node, std::int64_t axis) {
  return node + attribute("axes", std::vector<std::int64_t>{axis});
}

/// d, of the mean of x along the last axis.
Nodes centered() { return {along(node("ReduceMean", {"x"}, {"m"}), -1), node("Sub", {"x", "m"}, {"d"})}; }

Nodes operator+(Nodes a, const Nodes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const std::vector<Message> kNumbers = {number("two", 2),
                                       number("eps", 1e-3F),
                                       number("half", 0.5F),
                                       number("one", 1),
                                       number("inverse_half", -0.5F),
                                       number("three", 3),
                                       number("four", 4),
                                       packed_tensor("last", 7, {1}, 7, {-1}),
                                       floats("g", {4}, {1, -2, 0.5F, 3}),
                                       floats("b", {4}, {0.25F, 0, -1, 2})};

/// The only node after the input, which must be a standardization.
Standardization standardization_of(const Nodes& nodes) {
  const Graph graph = imported(model_of(nodes, kNumbers, {2, 3, 4}));
  EXPECT_EQ(graph.nodes.size(), 2U) << first_reason(graph);
  const auto* found = std::get_if<Standardization>(&graph.nodes.back().operation);
  EXPECT_NE(found, nullptr);
  return found == nullptr ? Standardization{} : *found;
}

TEST(SpelledOut, LayerNormalizationIsFoundInItsForms) {
  const Nodes power = {node("Pow", {"d", "two"}, {"s"})}, product = {node("Mul", {"d", "d"}, {"s"})};
  const Nodes twice = {along(node("ReduceMean", {"x"}, {"m2"}), -1), node("Sub", {"x", "m2"}, {"d2"}),
                       node("Pow", {"d2", "two"}, {"s"})};
  const Nodes mean = {along(node("ReduceMean", {"s"}, {"v"}), -1)};
  const Nodes left = {node("Add", {"v", "eps"}, {"u"})}, right = {node("Add", {"eps", "v"}, {"u"})};
  const std::vector<Nodes> roots = {
      {node("Sqrt", {"u"}, {"r"}), node("Div", {"d", "r"}, {"y"})},
      {node("Pow", {"u", "half"}, {"r"}), node("Div", {"d", "r"}, {"y"})},
      {node("Sqrt", {"u"}, {"r"}), node("Reciprocal", {"r"}, {"i"}), node("Mul", {"d", "i"}, {"y"})},
      {node("Sqrt", {"u"}, {"r"}), node("Div", {"one", "r"}, {"i"}), node("Mul", {"i", "d"}, {"y"})},
      {node("Pow", {"u", "inverse_half"}, {"i"}), node("Mul", {"d", "i"}, {"y"})},
  };
  for (const Nodes& square : {power, product, twice}) {
    for (const Nodes& root : roots) {
      const Standardization found =
          standardization_of(centered() + square + mean + (&root == &roots[0] ? left : right) + root);
      EXPECT_TRUE(found.centered);
      EXPECT_EQ(found.epsilon, static_cast<double>(1e-3F));
      EXPECT_EQ(found.groups.outer, 6);
      EXPECT_EQ(found.groups.length, 4);
      EXPECT_EQ(found.groups.inner, 1);
      EXPECT_TRUE(found.gain.empty());
    }
  }
}

TEST(SpelledOut, TheGainAndTheOffsetBelongToIt) {
  const Standardization found = standardization_of(
      centered() + Nodes{node("Pow", {"d", "two"}, {"s"}), along(node("ReduceMean", {"s"}, {"v"}), -1),
                         node("Add", {"v", "eps"}, {"u"}), node("Sqrt", {"u"}, {"r"}), node("Div", {"d", "r"}, {"n"}),
                         node("Mul", {"n", "g"}, {"w"}), node("Add", {"w", "b"}, {"y"})});
  ASSERT_EQ(found.gain.size(), 24U);
  ASSERT_EQ(found.offset.size(), 24U);
  EXPECT_EQ(found.gain[5], -2);
  EXPECT_EQ(found.offset[7], 2);
}

TEST(SpelledOut, RmsNormalizationIsNotCentered) {
  const Standardization found = standardization_of(
      {node("Mul", {"x", "x"}, {"s"}), along(node("ReduceMean", {"s"}, {"v"}), 1), node("Add", {"v", "eps"}, {"u"}),
       node("Sqrt", {"u"}, {"r"}), node("Div", {"x", "r"}, {"y"})});
  EXPECT_FALSE(found.centered);
  EXPECT_EQ(found.groups.outer, 2);
  EXPECT_EQ(found.groups.length, 3);
  EXPECT_EQ(found.groups.inner, 4);
}

// x / (std + e), the deviation of n or of n - 1 entries, as exporters write it.
TEST(SpelledOut, ADeviationMayHaveItsEpsilonOutside) {
  const Nodes square = {node("Mul", {"d", "d"}, {"s"})};
  const Nodes ending = {node("Sqrt", {"v"}, {"r"}), node("Add", {"r", "eps"}, {"t"}), node("Div", {"d", "t"}, {"y"})};
  const Nodes mean = {along(node("ReduceMean", {"s"}, {"v"}), -1)};
  const Nodes corrected = {along(node("ReduceMean", {"s"}, {"v1"}), -1), node("Mul", {"v1", "four"}, {"v2"}),
                           node("Div", {"v2", "three"}, {"v"})};
  const Nodes by_shape = {node("Shape", {"x"}, {"h"}),
                          node("Gather", {"h", "last"}, {"n1"}),
                          node("ReduceProd", {"n1"}, {"n2"}) + attribute("keepdims", 0),
                          node("Cast", {"n2"}, {"n"}) + attribute("to", 1),
                          along(node("ReduceMean", {"s"}, {"v1"}), -1),
                          node("Mul", {"v1", "n"}, {"v2"}),
                          node("Sub", {"n", "one"}, {"n3"}),
                          node("Div", {"v2", "n3"}, {"v"})};
  const Nodes of_sum = {node("ReduceSum", {"s", "last"}, {"v1"}), node("Div", {"v1", "three"}, {"v"})};
  for (const Nodes& variance : {mean, corrected, of_sum, by_shape}) {
    const Standardization found = standardization_of(centered() + square + variance + ending);
    EXPECT_TRUE(found.centered);
    EXPECT_EQ(found.epsilon, 0);
    EXPECT_EQ(found.added, static_cast<double>(1e-3F));
    EXPECT_EQ(found.groups.length, 4);
  }
  EXPECT_EQ(standardization_of(centered() + square + mean + ending).correction, 0);
  EXPECT_EQ(standardization_of(centered() + square + corrected + ending).correction, 1);
  EXPECT_EQ(standardization_of(centered() + square + of_sum + ending).correction, 1);
  EXPECT_EQ(standardization_of(centered() + square + by_shape + ending).correction, 1);
  // g (x - mean) / (std + e)
  const Nodes with_gain = {node("Mul", {"g", "d"}, {"gd"}), node("Sqrt", {"v"}, {"r"}),
                           node("Add", {"r", "eps"}, {"t"}), node("Div", {"gd", "t"}, {"y"})};
  const Standardization gained = standardization_of(centered() + square + by_shape + with_gain);
  EXPECT_EQ(gained.correction, 1);
  ASSERT_EQ(gained.gain.size(), 24U);
  EXPECT_EQ(gained.gain[5], -2);
  // And one under the root as well.
  const Nodes both = {node("Add", {"v", "half"}, {"u"}), node("Sqrt", {"u"}, {"r"}), node("Add", {"eps", "r"}, {"t"}),
                      node("Div", {"d", "t"}, {"y"})};
  EXPECT_EQ(standardization_of(centered() + square + mean + both).epsilon, 0.5);
  // The constant is 1 / e: that of a vector near its mean.
  const Graph graph = imported(model_of(centered() + square + corrected + ending, kNumbers, {2, 3, 4}));
  EXPECT_NEAR(lipschitz::walk(graph).bound.value().value() * static_cast<double>(1e-3F), 1, 1e-9);
  const double x[] = {1, 2, 4, -3};
  const double mean_of_x = 1, deviation = std::sqrt((0.0 + 1 + 9 + 16) / 3) + static_cast<double>(1e-3F);
  std::vector<double> input(24, 0.0);
  std::copy(std::begin(x), std::end(x), input.begin() + 4);
  const std::vector<double> y = output_of(graph, input);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[4 + i], (x[i] - mean_of_x) / deviation, 1e-14);
}

TEST(SpelledOut, MeanVarianceNormalizationHasItsOwnEpsilon) {
  const Graph graph = imported(model_of({node("MeanVarianceNormalization", {"x"}, {"y"})}, {}, {2, 3, 2, 2}));
  ASSERT_EQ(first_reason(graph), "");
  std::mt19937 random(3);
  const std::vector<double> x = doubles(drawn(random, 24));
  const std::vector<double> y = output_of(graph, x);
  for (std::size_t c = 0; c < 3; ++c) {
    double mean = 0, squares = 0;
    const auto each = [&](const auto& visit) {
      for (std::size_t n = 0; n < 2; ++n) {
        for (std::size_t p = 0; p < 4; ++p) visit(n * 12 + c * 4 + p);
      }
    };
    each([&](std::size_t i) { mean += x[i] / 8; });
    each([&](std::size_t i) { squares += (x[i] - mean) * (x[i] - mean) / 8; });
    each([&](std::size_t i) { EXPECT_NEAR(y[i], (x[i] - mean) / (std::sqrt(squares) + 1e-9), 1e-12); });
  }
  EXPECT_NEAR(lipschitz::walk(graph).bound.value().value() * static_cast<double>(1e-9F), 1, 1e-9);
}

bool has_standardization(const Nodes& nodes) {
  const Graph graph = imported(model_of(nodes, kNumbers, {4, 4, 4}));
  for (const Node& each : graph.nodes) {
    if (std::holds_alternative<Standardization>(each.operation)) return true;
  }
  return false;
}

// Each differs from one of the above by one step.
TEST(SpelledOut, WhatOnlyLooksLikeANormalizationIsNotOne) {
  const auto last = [](const std::string& d, const std::string& s, std::int64_t axis, const std::string& eps) {
    return Nodes{along(node("ReduceMean", {s}, {"v"}), axis), node("Add", {"v", eps}, {"u"}),
                 node("Sqrt", {"u"}, {"r"}), node("Div", {d, "r"}, {"y"})};
  };
  EXPECT_TRUE(has_standardization(centered() + Nodes{node("Mul", {"d", "d"}, {"s"})} + last("d", "s", -1, "eps")));
  // Over d for x, the variance of another value, a power of 0.5, a vector instead of epsilon.
  EXPECT_FALSE(has_standardization(centered() + Nodes{node("Mul", {"d", "d"}, {"s"})} + last("x", "s", -1, "eps")));
  EXPECT_FALSE(has_standardization(centered() + Nodes{node("Mul", {"d", "x"}, {"s"})} + last("d", "s", -1, "eps")));
  EXPECT_FALSE(has_standardization(centered() + Nodes{node("Pow", {"d", "half"}, {"s"})} + last("d", "s", -1, "eps")));
  EXPECT_FALSE(has_standardization(centered() + Nodes{node("Mul", {"d", "d"}, {"s"})} + last("d", "s", -1, "b")));
  EXPECT_FALSE(has_standardization(centered() + Nodes{node("Mul", {"d", "d"}, {"s"}),
                                                      along(node("ReduceMean", {"s"}, {"v"}), -1),
                                                      node("Sub", {"v", "eps"}, {"u"}), node("Sqrt", {"u"}, {"r"}),
                                                      node("Div", {"d", "r"}, {"y"})}));
  // The variance along another axis than the mean: d standardized, but not x.
  const Graph graph = imported(
      model_of(centered() + Nodes{node("Mul", {"d", "d"}, {"s"})} + last("d", "s", 1, "eps"), kNumbers, {4, 4, 4}));
  const auto& found = std::get<Standardization>(graph.nodes[graph.outputs[0]].operation);
  EXPECT_FALSE(found.centered);
  EXPECT_EQ(found.groups.inner, 4);
}

TEST(SpelledOut, SoftmaxIsFoundWithAndWithoutItsMaximum) {
  const Nodes plain = {node("Exp", {"x"}, {"e"})};
  const Nodes shifted = {along(node("ReduceMax", {"x"}, {"m"}), -1), node("Sub", {"x", "m"}, {"d"}),
                         node("Exp", {"d"}, {"e"})};
  const Message axes = raw_tensor<std::int64_t>("axes", 7, {1}, {-1});
  for (const Nodes& exponential : {plain, shifted}) {
    const Graph graph = imported(model_of(
        exponential + Nodes{node("ReduceSum", {"e", "axes"}, {"s"}), node("Div", {"e", "s"}, {"y"})}, {axes}, {2, 3}));
    ASSERT_EQ(graph.nodes.size(), 2U) << first_reason(graph);
    const auto& found = std::get<Softmax>(graph.nodes[1].operation);
    EXPECT_EQ(found.groups.outer, 2);
    EXPECT_EQ(found.groups.length, 3);
    EXPECT_FALSE(found.logarithm);
  }
  const Graph graph = imported(model_of({node("Softmax", {"x"}, {"s"}), node("Log", {"s"}, {"y"})}, {}, {2, 3}));
  EXPECT_TRUE(std::get<Softmax>(graph.nodes.back().operation).logarithm);
}

TEST(SpelledOut, OperatorsOfNormalizationHaveTheirGroups) {
  const auto one = [](const Message& node, const std::vector<Message>& constants, const Extents& shape,
                      std::int64_t version) {
    const Graph graph = imported(model_of({node}, constants, shape, version));
    EXPECT_EQ(first_reason(graph), "");
    return std::get<Standardization>(graph.nodes.back().operation);
  };
  const Message g2 = floats("g", {2}, {2, 3}), b2 = floats("b", {2}, {0, 1});
  const Message g4 = floats("g", {4}, {1, 2, 3, 4}), b4 = floats("b", {4}, {5, 6, 7, 8});
  const auto layer = one(node("LayerNormalization", {"x", "g", "b"}, {"y"}), {g4, b4}, {3, 4}, 17);
  EXPECT_EQ(layer.groups.outer, 3);
  EXPECT_EQ(layer.groups.length, 4);
  EXPECT_EQ(layer.gain[6], 3);
  EXPECT_EQ(layer.offset[7], 8);
  const auto rms = one(node("RMSNormalization", {"x", "g"}, {"y"}), {g4}, {3, 4}, 23);
  EXPECT_FALSE(rms.centered);
  EXPECT_TRUE(rms.offset.empty());
  const auto instance = one(node("InstanceNormalization", {"x", "g", "b"}, {"y"}), {g2, b2}, {3, 2, 5}, 17);
  EXPECT_EQ(instance.groups.outer, 6);
  EXPECT_EQ(instance.groups.length, 5);
  EXPECT_EQ(instance.gain[14], 2);  // the second image begins with the first channel
  EXPECT_EQ(instance.gain[5], 3);
  const Message group = node("GroupNormalization", {"x", "g", "b"}, {"y"}) + attribute("num_groups", 2);
  const auto by_channel = one(group, {g4, b4}, {1, 4, 3}, 21);
  EXPECT_EQ(by_channel.groups.outer, 2);
  EXPECT_EQ(by_channel.groups.length, 6);
  EXPECT_EQ(by_channel.gain[3], 2);
  const auto by_group = one(group, {g2, b2}, {1, 4, 3}, 18);
  EXPECT_EQ(by_group.gain[5], 2);
  EXPECT_EQ(by_group.gain[6], 3);
}

TEST(SpelledOut, ANormalizationWithoutEpsilonIsRefused) {
  const Graph graph =
      imported(model_of({node("LayerNormalization", {"x", "g"}, {"y"}) + number_attribute("epsilon", 0)},
                        {floats("g", {2}, {1, 1})}, {3, 2}));
  EXPECT_NE(first_reason(graph).find("epsilon of 0"), std::string::npos) << first_reason(graph);
}

/// The kinds of the reductions of a graph whose output is the norms of the rows of x, less other nodes.
void expect_norms(const Nodes& nodes) {
  const Graph graph = imported(model_of(nodes, kNumbers, {2, 3}, 13));
  ASSERT_EQ(first_reason(graph), "");
  const auto* last = std::get_if<Reduction>(&graph.nodes[graph.outputs.at(0)].operation);
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->kind, Reduction::Kind::EuclideanNorm);
  expect_near(output_of(graph, {3, 4, 12, -1, 2, -2}), {13, 3}, 4);
}

TEST(SpelledOut, NormsAreFoundInTheirForms) {
  const auto sum = [](const std::string& op, const std::string& of) {
    return along(node(op, {of}, {"u"}), 1) + attribute("keepdims", 0);
  };
  const Message root = node("Sqrt", {"u"}, {"y"}), power = node("Pow", {"u", "half"}, {"y"});
  expect_norms({node("Mul", {"x", "x"}, {"s"}), sum("ReduceSum", "s"), root});
  expect_norms({node("Pow", {"x", "two"}, {"s"}), sum("ReduceSum", "s"), power});
  expect_norms({sum("ReduceSumSquare", "x"), root});
}

TEST(SpelledOut, TheRootOfTwoSquaresIsANorm) {
  const Graph graph = imported(
      model_of({node("Identity", {"x"}, {"a"}), node("Mul", {"x", "half"}, {"c"}), node("Pow", {"a", "two"}, {"p"}),
                node("Mul", {"c", "c"}, {"q"}), node("Add", {"p", "q"}, {"u"}), node("Sqrt", {"u"}, {"y"})},
               kNumbers, {3}));
  ASSERT_EQ(first_reason(graph), "");
  EXPECT_TRUE(std::holds_alternative<Reduction>(graph.nodes[graph.outputs.at(0)].operation));
  expect_near(output_of(graph, {2, -4, 0}), {std::sqrt(5.0), std::sqrt(20.0), 0}, 4);
}

// Of constants they are folded.
TEST(SpelledOut, NormsOfConstantsAreConstants) {
  const Graph graph =
      imported(model_of({node("Mul", {"g", "g"}, {"s"}), along(node("ReduceSum", {"s"}, {"u"}), 0),
                         node("Sqrt", {"u"}, {"n"}), node("Mul", {"b", "b"}, {"p"}), node("Add", {"p", "s"}, {"v"}),
                         node("Sqrt", {"v"}, {"h"}), node("Mul", {"x", "n"}, {"w"}), node("Add", {"w", "h"}, {"y"})},
                        kNumbers, {4}, 11));
  ASSERT_EQ(first_reason(graph), "");
  const double n = std::sqrt(1 + 4 + 0.25 + 9);
  expect_near(output_of(graph, {1, 1, 1, 1}),
              {n + std::sqrt(1 + 0.0625), n + 2, n + std::sqrt(1.25), n + std::sqrt(13.0)}, 4);
}

}  // namespace
}  // namespace sigmax::graph
