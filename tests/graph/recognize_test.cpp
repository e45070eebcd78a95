#include "sigmax/graph/recognize.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "graph/small_models.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;

/// A function spelled out by nodes from x to y.
struct Spelled {
  std::string name;  // of the one function that it becomes; empty: its expression
  std::vector<Message> nodes;
  std::vector<Message> constants;
  double (*value)(double);
  double least;  // its slopes
  double greatest;
};

Message number(const std::string& name, float value) { return floats(name, {}, {value}); }

double gelu_value(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }
double silu_value(double x) { return x / (1 + std::exp(-x)); }
double softplus_value_of(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

std::vector<Spelled> spelled() {
  const Message root2 = number("root2", 1.41421354F), half = number("half", 0.5F), one = number("one", 1);
  return {
      {"Gelu",
       {node("Div", {"x", "root2"}, {"a"}), node("Erf", {"a"}, {"b"}), node("Add", {"b", "one"}, {"c"}),
        node("Mul", {"x", "c"}, {"d"}), node("Mul", {"d", "half"}, {"y"})},
       {root2, half, one},
       gelu_value,
       -0.12890414518515479,
       1.1289041451851548},
      {"Gelu",
       {node("Mul", {"x", "half"}, {"h"}), node("Div", {"x", "root2"}, {"a"}), node("Erf", {"a"}, {"b"}),
        node("Add", {"one", "b"}, {"c"}), node("Mul", {"h", "c"}, {"y"})},
       {root2, half, one},
       gelu_value,
       -0.12890414518515479,
       1.1289041451851548},
      {"GeluTanh",
       {node("Pow", {"x", "three"}, {"p"}), node("Mul", {"p", "c"}, {"q"}), node("Add", {"x", "q"}, {"r"}),
        node("Mul", {"r", "s"}, {"t"}), node("Tanh", {"t"}, {"u"}), node("Add", {"u", "one"}, {"v"}),
        node("Mul", {"x", "v"}, {"w"}), node("Mul", {"w", "half"}, {"y"})},
       {number("three", 3), number("c", 0.044715F), number("s", 0.7978845608F), one, half},
       [](double x) { return x / 2 * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); },
       -0.12899306865877177,
       1.1289930686587718},
      {"Silu",
       {node("Sigmoid", {"x"}, {"s"}), node("Mul", {"x", "s"}, {"y"})},
       {},
       silu_value,
       -0.099839320128866917,
       1.0998393201288669},
      {"Silu",
       {node("Neg", {"x"}, {"n"}), node("Exp", {"n"}, {"e"}), node("Add", {"e", "one"}, {"d"}),
        node("Div", {"x", "d"}, {"y"})},
       {one},
       silu_value,
       -0.099839320128866917,
       1.0998393201288669},
      {"Mish",
       {node("Softplus", {"x"}, {"s"}), node("Tanh", {"s"}, {"t"}), node("Mul", {"x", "t"}, {"y"})},
       {},
       [](double x) { return x * std::tanh(softplus_value_of(x)); },
       -0.11252612238946256,
       1.0884981612517279},
      {"HardSwish",
       {node("Add", {"x", "three"}, {"a"}), node("Clip", {"a", "zero", "six"}, {"b"}), node("Mul", {"x", "b"}, {"c"}),
        node("Div", {"c", "six"}, {"y"})},
       {number("three", 3), number("zero", 0), number("six", 6)},
       [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; },
       -0.5,
       1.5},
      {"Softplus",
       {node("Exp", {"x"}, {"e"}), node("Add", {"e", "one"}, {"a"}), node("Log", {"a"}, {"y"})},
       {one},
       softplus_value_of,
       0,
       1},
      {"Softsign",
       {node("Abs", {"x"}, {"m"}), node("Add", {"m", "one"}, {"a"}), node("Div", {"x", "a"}, {"y"})},
       {one},
       [](double x) { return x / (1 + std::fabs(x)); },
       0,
       1},
      {"",
       {node("Mul", {"x", "x"}, {"p"}), node("Add", {"p", "one"}, {"a"}), node("Reciprocal", {"a"}, {"y"})},
       {one},
       [](double x) { return 1 / (1 + x * x); },
       -3 * std::sqrt(3.0) / 8,  // at x = -+1/sqrt 3
       3 * std::sqrt(3.0) / 8},
      {"",
       {node("Sigmoid", {"x"}, {"s"}), node("Log", {"s"}, {"y"})},
       {},
       [](double x) { return -softplus_value_of(-x); },
       0,
       1},
      {"Elu",
       {node("Greater", {"x", "zero"}, {"c"}), node("Exp", {"x"}, {"e"}), node("Sub", {"e", "one"}, {"d"}),
        node("Where", {"c", "x", "d"}, {"y"})},
       {number("zero", 0), one},
       [](double x) { return x > 0 ? x : std::expm1(x); },
       0,
       1},
      {"",
       {node("Less", {"x", "zero"}, {"c"}), node("Mul", {"x", "tenth"}, {"d"}), node("Where", {"c", "d", "x"}, {"y"})},
       {number("zero", 0), number("tenth", 0.125F)},
       [](double x) { return x < 0 ? x / 8 : x; },
       0.125,
       1},
      {"",  // Softshrink
       {node("Greater", {"x", "half"}, {"c"}), node("Less", {"x", "minus"}, {"e"}), node("Sub", {"x", "half"}, {"a"}),
        node("Add", {"x", "half"}, {"b"}), node("Where", {"e", "b", "zero"}, {"f"}),
        node("Where", {"c", "a", "f"}, {"y"})},
       {number("zero", 0), half, number("minus", -0.5F)},
       [](double x) { return x > 0.5    ? x - 0.5
                             : x < -0.5 ? x + 0.5
                                        : 0.0; },
       0,
       1},
      {"",  // a mask: x [x > 0]
       {node("Greater", {"x", "zero"}, {"c"}), node("Cast", {"c"}, {"f"}) + attribute("to", 1),
        node("Mul", {"x", "f"}, {"y"})},
       {number("zero", 0)},
       [](double x) { return std::max(x, 0.0); },
       0,
       1},
      {"Identity",
       {node("Relu", {"x"}, {"p"}), node("Neg", {"x"}, {"n"}), node("Relu", {"n"}, {"q"}),
        node("Sub", {"p", "q"}, {"y"})},
       {},
       [](double x) { return x; },
       1,
       1},
  };
}

TEST(Recognized, FunctionsSpelledOutAreOneNodeWithItsSlopes) {
  const std::vector<double> xs = {-8.5, -3, -2.2, -1, -0.25, 0, 0.125, 0.9, 1.5, 3, 4, 9.5};
  for (const Spelled& each : spelled()) {
    const Graph graph = imported(model_of(each.nodes, each.constants, {static_cast<std::int64_t>(xs.size())}));
    ASSERT_EQ(graph.nodes.size(), 2U) << each.name << " " << first_reason(graph);
    const auto* elementwise = std::get_if<Elementwise>(&graph.nodes[1].operation);
    ASSERT_NE(elementwise, nullptr) << each.name;
    const ScalarFunction& f = *elementwise->functions.at(0);
    EXPECT_TRUE(each.name.empty() || f.name() == each.name) << f.name() << " for " << each.name;
    const auto slopes = f.slopes({});
    ASSERT_TRUE(slopes) << f.name();
    // Constants rounded to float move the slopes by a few 1e-8.
    EXPECT_NEAR(slopes->least, each.least, 3e-7) << f.name();
    EXPECT_NEAR(slopes->greatest, each.greatest, 3e-7) << f.name();
    const std::vector<double> y = output_of(graph, xs);
    for (std::size_t i = 0; i < xs.size(); ++i) {
      EXPECT_NEAR(y[i], each.value(xs[i]), 1e-6 * (1 + std::fabs(xs[i]))) << f.name() << " at " << xs[i];
    }
  }
}

TEST(Recognized, EachChannelHasItsOwnFunction) {
  // y = x sigmoid(b x), with b for each of three channels.
  const Graph graph =
      imported(model_of({node("Mul", {"x", "b"}, {"u"}), node("Sigmoid", {"u"}, {"s"}), node("Mul", {"x", "s"}, {"y"})},
                        {floats("b", {3, 1}, {0.5F, 1, 2})}, {1, 3, 2}));
  ASSERT_EQ(graph.nodes.size(), 2U);
  const auto& elementwise = std::get<Elementwise>(graph.nodes[1].operation);
  EXPECT_EQ(elementwise.which, (std::vector<std::uint32_t>{0, 0, 1, 1, 2, 2}));
  const std::vector<double> xs = {1, -1, 2, -2, 3, -3};
  const std::vector<double> y = output_of(graph, xs);
  const double b[] = {0.5, 1, 2};
  for (std::size_t i = 0; i < xs.size(); ++i) EXPECT_NEAR(y[i], xs[i] / (1 + std::exp(-b[i / 2] * xs[i])), 1e-14);
}

TEST(Recognized, WhatIsLipschitzAloneStaysAsItIs) {
  const Graph graph =
      imported(model_of({node("Mul", {"x", "two"}, {"a"}), node("Relu", {"a"}, {"b"}), node("Tanh", {"b"}, {"y"})},
                        {number("two", 2)}, {3}));
  ASSERT_EQ(graph.nodes.size(), 4U);
  EXPECT_TRUE(std::holds_alternative<Affine>(graph.nodes[1].operation));
}

TEST(Recognized, ProductsOfDifferentValuesStay) {
  const Graph graph = imported(
      model_of({node("MatMul", {"x", "w"}, {"a"}), node("Sigmoid", {"a"}, {"s"}), node("Mul", {"x", "s"}, {"y"})},
               {floats("w", {2, 2}, {1, 2, 3, 4})}, {1, 2}));
  EXPECT_TRUE(std::holds_alternative<Product>(graph.nodes[graph.outputs[0]].operation));
}

// One branch is moved by 1/8: it jumps at 0, but not beyond.
TEST(Recognized, AChoiceThatJumpsHasNoSlopesWhereItJumps) {
  const Graph graph = imported(model_of(
      {node("Less", {"x", "zero"}, {"c"}), node("Add", {"x", "eighth"}, {"d"}), node("Where", {"c", "d", "x"}, {"y"})},
      {number("zero", 0), number("eighth", 0.125F)}, {2}));
  const auto& elementwise = std::get<Elementwise>(graph.nodes[graph.outputs[0]].operation);
  EXPECT_FALSE(elementwise.functions[0]->slopes({}));
  EXPECT_FALSE(elementwise.functions[0]->slopes({-1, 0}));
  EXPECT_EQ(elementwise.functions[0]->slopes({0, 5}), (Interval{1, 1}));
  EXPECT_EQ(elementwise.functions[0]->slopes({-5, -1}), (Interval{1, 1}));
}

TEST(Recognized, ASquareIsAFunctionOfBoundedDomains) {
  const Graph graph = imported(model_of({node("Mul", {"x", "x"}, {"y"})}, {}, {2}));
  const auto& elementwise = std::get<Elementwise>(graph.nodes[graph.outputs[0]].operation);
  EXPECT_FALSE(elementwise.functions[0]->slopes({}));
  EXPECT_EQ(elementwise.functions[0]->slopes({-1, 3}), (Interval{-2, 6}));
}

TEST(Recognized, AValueThatOthersUseIsKept) {
  // s = sigmoid(x) is an output too.
  Graph graph = imported(whole_model({node("Sigmoid", {"x"}, {"s"}), node("Mul", {"x", "s"}, {"y"})}, {},
                                     {value_info("x", {std::int64_t{2}})}, {"y", "s"}));
  ASSERT_EQ(graph.nodes.size(), 3U);
  const auto values = evaluated(graph, {{1, -1}});
  EXPECT_NEAR(values[graph.outputs[0]][0], silu_value(1), 1e-15);
  EXPECT_NEAR(values[graph.outputs[1]][0], 1 / (1 + std::exp(-1.0)), 1e-15);
}

}  // namespace
}  // namespace sigmax::graph
