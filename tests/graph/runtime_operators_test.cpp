// Operators of ONNX Runtime's domain, against their definitions.
#include "sigmax/graph/onnx/runtime_operators.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "graph/small_models.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;

Message fused(const std::string& op, const Names& inputs, const Names& outputs) {
  return node(op, inputs, outputs, "fused") + Message{}.text(7, "com.microsoft");
}

double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }
double gelu_by_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

const std::vector<float> kBias{0.5F, -1, 2};

TEST(RuntimeOperators, FunctionsWithABias) {
  struct Case {
    Message node;
    std::function<double(double, double)> f;
  };
  const auto alpha = static_cast<double>(1.702F);
  const Case cases[] = {
      {fused("Gelu", {"x"}, {"y"}), [](double x, double) { return gelu(x); }},
      {fused("BiasGelu", {"x", "b"}, {"y"}), [](double x, double b) { return gelu(x + b); }},
      {fused("FastGelu", {"x"}, {"y"}), [](double x, double) { return gelu_by_tanh(x); }},
      {fused("FastGelu", {"x", "b"}, {"y"}), [](double x, double b) { return gelu_by_tanh(x + b); }},
      {fused("QuickGelu", {"x"}, {"y"}), [&](double x, double) { return x / (1 + std::exp(-alpha * x)); }},
      {fused("QuickGelu", {"x"}, {"y"}) + number_attribute("alpha", 1),
       [](double x, double) { return x / (1 + std::exp(-x)); }},
  };
  const std::vector<double> x{-2, 0.5, 1.5};
  for (const Case& c : cases) {
    const Graph graph = imported(model_of({c.node}, {floats("b", {3}, kBias)}, {3}));
    ASSERT_EQ(first_reason(graph), "");
    std::vector<double> expected;
    for (std::size_t i = 0; i < 3; ++i) expected.push_back(c.f(x[i], static_cast<double>(kBias[i])));
    const auto found = output_of(graph, x);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(found[i], expected[i], 1e-7);  // constants of Gelu as float
  }
}

std::vector<double> normalized(std::vector<double> x, bool centered, double epsilon, const std::vector<double>& gain,
                               const std::vector<double>& offset) {
  const double n = static_cast<double>(x.size());
  double mean = 0, squares = 0;
  for (const double each : x) mean += centered ? each / n : 0;
  for (double& each : x) each -= mean;
  for (const double each : x) squares += each * each / n;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = gain[i] * x[i] / std::sqrt(squares + epsilon) + offset[i];
  return x;
}

TEST(RuntimeOperators, NormalizationsOfSums) {
  const std::vector<Message> constants{floats("b", {3}, kBias), floats("g", {3}, {1, 2, -3}),
                                       floats("o", {3}, {3, 0, 1})};
  const std::vector<double> x{1, -2, 4, 0.5, 0, -1}, gain{1, 2, -3}, offset{3, 0, 1}, zero{0, 0, 0};
  const auto expect = [&](const Message& layer, bool has_bias, bool centered, const std::vector<double>& added) {
    const Message epsilon = number_attribute("epsilon", 0.25F);
    // The skip is 2 x.
    const Graph graph = imported(whole_model({node("Add", {"x", "x"}, {"s"}), layer + epsilon}, constants,
                                             {value_info("x", {std::int64_t{2}, std::int64_t{3}})}, {"y", "sum"}));
    ASSERT_EQ(first_reason(graph), "");
    const Values values = evaluated(graph, {x});
    std::vector<double> sums, expected;
    for (std::size_t i = 0; i < 6; ++i) sums.push_back(3 * x[i] + (has_bias ? static_cast<double>(kBias[i % 3]) : 0));
    for (std::size_t row = 0; row < 2; ++row) {
      const auto part = normalized({sums.begin() + 3 * static_cast<std::ptrdiff_t>(row),
                                    sums.begin() + 3 * static_cast<std::ptrdiff_t>(row) + 3},
                                   centered, 0.25, gain, added);
      expected.insert(expected.end(), part.begin(), part.end());
    }
    expect_near(values[graph.outputs.at(0)], expected, 10);
    expect_near(values[graph.outputs.at(1)], sums, 10);
  };
  expect(fused("SkipLayerNormalization", {"x", "s", "g", "o", "b"}, {"y", "", "", "sum"}), true, true, offset);
  expect(fused("SkipLayerNormalization", {"x", "s", "g"}, {"y", "", "", "sum"}), false, true, zero);
  expect(fused("SkipSimplifiedLayerNormalization", {"x", "s", "g", "b"}, {"y", "", "", "sum"}), true, false, zero);
  const Graph simplified =
      imported(model_of({node("SimplifiedLayerNormalization", {"x", "g"}, {"y"}) + number_attribute("epsilon", 0.25F)},
                        constants, {1, 3}));
  ASSERT_EQ(first_reason(simplified), "");
  expect_near(output_of(simplified, {1, -2, 4}), normalized({1, -2, 4}, false, 0.25, gain, zero), 10);
}

TEST(RuntimeOperators, ConvolutionsAndProductsWithFunctions) {
  const auto same = [](const Message& one, const std::vector<Message>& several, const Extents& shape) {
    const std::vector<Message> constants{floats("w", {3, 2, 1}, {1, -2, 0.5F, 3, -1, 2}), floats("b", {3}, kBias),
                                         floats("z", {1, 3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2}),
                                         floats("m", {4, 3}, {1, 2, 0, -1, 0.5F, 2, 3, 1, 1, 0, 2, -2})};
    const Graph left = imported(model_of({one}, constants, shape));
    const Graph right = imported(model_of(several, constants, shape));
    ASSERT_EQ(first_reason(left), "");
    ASSERT_EQ(first_reason(right), "");
    std::mt19937 random(3);
    std::int64_t count = 1;
    for (const std::int64_t each : shape) count *= each;
    const auto x = doubles(drawn(random, count));
    EXPECT_EQ(output_of(left, x), output_of(right, x));
  };
  const Message parameters =
      Message{}.child(5, Message{}.text(1, "activation_params").fixed32(7, 0.25F).integer(20, 6));
  same(fused("FusedConv", {"x", "w", "b"}, {"y"}) + text_attribute("activation", "Relu"),
       {node("Conv", {"x", "w", "b"}, {"c"}), node("Relu", {"c"}, {"y"})}, {1, 2, 4});
  same(fused("FusedConv", {"x", "w", "b", "z"}, {"y"}) + text_attribute("activation", "LeakyRelu") + parameters,
       {node("Conv", {"x", "w", "b"}, {"c"}), node("Add", {"c", "z"}, {"d"}),
        node("LeakyRelu", {"d"}, {"y"}) + number_attribute("alpha", 0.25F)},
       {1, 2, 4});
  same(fused("FusedGemm", {"x", "m", "b"}, {"y"}) + number_attribute("alpha", 2) + text_attribute("activation", "Tanh"),
       {node("Gemm", {"x", "m", "b"}, {"c"}) + number_attribute("alpha", 2), node("Tanh", {"c"}, {"y"})}, {2, 4});
  same(fused("GemmFastGelu", {"x", "m", "b"}, {"y"}),
       {node("MatMul", {"x", "m"}, {"c"}), node("Add", {"c", "b"}, {"d"}),
        node("Gelu", {"d"}, {"y"}) + text_attribute("approximate", "tanh")},
       {2, 4});
  same(fused("FusedMatMul", {"x", "m"}, {"y"}) + attribute("transA", 1) + attribute("transB", 1) +
           number_attribute("alpha", 0.5F),
       {node("Gemm", {"x", "m"}, {"y"}) + attribute("transA", 1) + attribute("transB", 1) +
        number_attribute("alpha", 0.5F)},
       {3, 2});
  same(fused("FusedMatMul", {"x", "x"}, {"y"}) + attribute("transB", 1),
       {node("Transpose", {"x"}, {"t"}), node("MatMul", {"x", "t"}, {"y"})}, {3, 2});
}

TEST(RuntimeOperators, OthersAreRefusedWithAReason) {
  const auto reason = [](const std::string& op, const std::string& domain) {
    return first_reason(imported(model_of({node(op, {"x"}, {"y"}, "n") + Message{}.text(7, domain)}, {}, {1, 3})));
  };
  EXPECT_EQ(
      reason("GroupQueryAttention", "com.microsoft"),
      "GroupQueryAttention 'n' is attention in one node of a kind that no rule knows: export without fusing it, or "
      "optimize the file less");
  EXPECT_NE(reason("DynamicQuantizeMatMul", "com.microsoft").find("rounds to steps"), std::string::npos);
  EXPECT_EQ(reason("Gelu", "org.example"), "Gelu 'n' is an operator of the domain 'org.example', which no rule knows");
  EXPECT_NE(reason("FusedConv", "com.microsoft"), "");  // without a kernel
}

}  // namespace
}  // namespace sigmax::graph
