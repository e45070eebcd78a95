// Rules of matrix products, convolutions, normalizations and arithmetic, against their definitions in ONNX.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "graph/small_models.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;
using Integers = std::vector<std::int64_t>;
using Extent = std::variant<std::int64_t, std::string>;

TEST(ImportLinear, MultipliesWithGemmAsItIsDefined) {
  std::mt19937 random(2);
  const std::int64_t m = 2, k = 3, n = 4;
  for (int forms = 0; forms < 16; ++forms) {
    const bool of_a = forms & 1, of_b = forms & 2, constant_left = forms & 4, has_addend = forms & 8;
    const auto a = drawn(random, m * k), b = drawn(random, k * n), c = drawn(random, n);
    const Extents shape_a = of_a ? Extents{k, m} : Extents{m, k}, shape_b = of_b ? Extents{n, k} : Extents{k, n};
    std::vector<double> expected;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < k; ++l) {
          sum += 0.5 * static_cast<double>(a[static_cast<std::size_t>(of_a ? l * m + i : i * k + l)]) *
                 static_cast<double>(b[static_cast<std::size_t>(of_b ? j * k + l : l * n + j)]);
        }
        expected.push_back(sum + (has_addend ? 2 * static_cast<double>(c[static_cast<std::size_t>(j)]) : 0.0));
      }
    }
    Names operands{constant_left ? "w" : "x", constant_left ? "x" : "w"};
    if (has_addend) operands.emplace_back("c");
    const Graph graph =
        imported(model_of({node("Gemm", operands, {"y"}) + attribute("transA", of_a) + attribute("transB", of_b) +
                           number_attribute("alpha", 0.5F) + number_attribute("beta", 2)},
                          {floats("w", constant_left ? shape_a : shape_b, constant_left ? a : b), floats("c", {n}, c)},
                          constant_left ? shape_b : shape_a));
    SCOPED_TRACE(forms);
    expect_near(output_of(graph, doubles(constant_left ? b : a)), expected, 8);
  }
}

// MatMul of stacks, with each side constant and with both data.
TEST(ImportLinear, MultipliesStacksOfMatricesAsNumPyDoes) {
  struct Case {
    Extents a, b, out;
  };
  const Case cases[] = {{{2, 3}, {3, 4}, {2, 4}},
                        {{5, 2, 3}, {3, 4}, {5, 2, 4}},
                        {{2, 3}, {5, 3, 4}, {5, 2, 4}},
                        {{5, 2, 3}, {5, 3, 4}, {5, 2, 4}},
                        {{1, 2, 3}, {5, 3, 1}, {5, 2, 1}},
                        {{5, 1, 3}, {1, 3, 4}, {5, 1, 4}},
                        {{3}, {3, 4}, {4}},
                        {{2, 3}, {3}, {2}},
                        {{2, 1, 2, 3}, {1, 5, 3, 4}, {2, 5, 2, 4}}};
  std::mt19937 random(3);
  for (const Case& c : cases) {
    const auto a = drawn(random, *element_count(c.a)), b = drawn(random, *element_count(c.b));
    // NumPy's rule by indices: both as stacks [S, rows, inner] and [S, inner, columns].
    Extents left = c.a, right = c.b;
    if (left.size() == 1) left.insert(left.begin(), 1);
    if (right.size() == 1) right.push_back(1);
    const std::int64_t rows = left[left.size() - 2], inner = left.back(), columns = right.back();
    const auto stacks = [](const Extents& shape) { return Extents(shape.begin(), shape.end() - 2); };
    const std::size_t rank = std::max(left.size(), right.size()) - 2;
    const auto extent = [&](const Extents& batch, std::size_t axis) {
      const std::size_t missing = rank - batch.size();
      return axis < missing ? std::int64_t{1} : batch[axis - missing];
    };
    Extents batch;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      batch.push_back(std::max(extent(stacks(left), axis), extent(stacks(right), axis)));
    }
    std::vector<double> expected;
    for (std::int64_t s = 0; s < *element_count(batch); ++s) {
      std::int64_t at_left = 0, at_right = 0, rest = s, of_left = 1, of_right = 1;
      for (std::size_t axis = rank; axis-- > 0;) {
        const std::int64_t index = rest % batch[axis];
        rest /= batch[axis];
        const std::int64_t n_left = extent(stacks(left), axis), n_right = extent(stacks(right), axis);
        at_left += (n_left == 1 ? 0 : index) * of_left;
        at_right += (n_right == 1 ? 0 : index) * of_right;
        of_left *= n_left;
        of_right *= n_right;
      }
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) {
          double sum = 0;
          for (std::int64_t l = 0; l < inner; ++l) {
            sum += static_cast<double>(a[static_cast<std::size_t>((at_left * rows + i) * inner + l)]) *
                   static_cast<double>(b[static_cast<std::size_t>((at_right * inner + l) * columns + j)]);
          }
          expected.push_back(sum);
        }
      }
    }
    SCOPED_TRACE(to_string(c.a) + " " + to_string(c.b));
    const Graph right_constant = imported(model_of({node("MatMul", {"x", "w"}, {"y"})}, {floats("w", c.b, b)}, c.a));
    ASSERT_EQ(first_reason(right_constant), "");
    EXPECT_EQ(right_constant.nodes[right_constant.outputs.at(0)].shape, c.out);
    expect_near(output_of(right_constant, doubles(a)), expected, 4);
    const Graph left_constant = imported(model_of({node("MatMul", {"w", "x"}, {"y"})}, {floats("w", c.a, a)}, c.b));
    ASSERT_EQ(first_reason(left_constant), "");
    expect_near(output_of(left_constant, doubles(b)), expected, 4);
    const auto info = [](const std::string& name, const Extents& shape) {
      return value_info(name, std::vector<Extent>(shape.begin(), shape.end()));
    };
    const Graph data =
        imported(whole_model({node("MatMul", {"a", "b"}, {"y"})}, {}, {info("a", c.a), info("b", c.b)}, {"y"}));
    ASSERT_EQ(first_reason(data), "");
    expect_near(evaluated(data, {doubles(a), doubles(b)})[data.outputs.at(0)], expected, 4);
  }
}

/// y[o, a] = bias + sum of K[o, i, p] x[i, s a + d p - pad] on one spatial axis, by the definition.
std::vector<double> convolved(const std::vector<float>& x, std::int64_t channels, const std::vector<float>& kernel,
                              std::int64_t outputs, std::int64_t taps, std::int64_t stride, std::int64_t pad_low,
                              std::int64_t pad_high, std::int64_t groups, const std::vector<float>& bias) {
  const std::int64_t n = static_cast<std::int64_t>(x.size()) / channels, per_group = channels / groups;
  std::vector<double> y;
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t a = 0; a * stride + taps <= n + pad_low + pad_high; ++a) {
      double sum = bias.empty() ? 0.0 : static_cast<double>(bias[static_cast<std::size_t>(o)]);
      for (std::int64_t i = 0; i < per_group; ++i) {
        for (std::int64_t p = 0; p < taps; ++p) {
          const std::int64_t at = a * stride + p - pad_low;
          if (at < 0 || at >= n) continue;
          const std::int64_t input = o / (outputs / groups) * per_group + i;
          sum += static_cast<double>(kernel[static_cast<std::size_t>((o * per_group + i) * taps + p)]) *
                 static_cast<double>(x[static_cast<std::size_t>(input * n + at)]);
        }
      }
      y.push_back(sum);
    }
  }
  return y;
}

TEST(ImportLinear, ConvolvesAsItIsDefined) {
  std::mt19937 random(4);
  for (const std::int64_t groups : {1, 2}) {
    const auto x = drawn(random, 4 * 7), kernel = drawn(random, 6 * (4 / groups) * 3), bias = drawn(random, 6);
    const Graph graph =
        imported(model_of({node("Conv", {"x", "w", "b"}, {"y"}) + attribute("strides", Integers{2}) +
                           attribute("pads", Integers{2, 1}) + attribute("group", groups)},
                          {floats("w", {6, 4 / groups, 3}, kernel), floats("b", {6}, bias)}, {1, 4, 7}));
    ASSERT_EQ(first_reason(graph), "");
    expect_near(output_of(graph, doubles(x)), convolved(x, 4, kernel, 6, 3, 2, 2, 1, groups, bias), 16);
  }
}

// <x, W^T y> = <W x, y>: ConvTranspose with the kernel of a Conv is its adjoint.
TEST(ImportLinear, TransposesConvolutions) {
  std::mt19937 random(5);
  const auto kernel = drawn(random, 2 * 3 * 3), x = drawn(random, 3 * 9), y = drawn(random, 2 * 5);
  const Graph forward = imported(model_of(
      {node("Conv", {"x", "w"}, {"y"}) + attribute("strides", Integers{2}) + attribute("pads", Integers{1, 1})},
      {floats("w", {2, 3, 3}, kernel)}, {1, 3, 9}));
  const Graph back = imported(model_of({node("ConvTranspose", {"x", "w"}, {"y"}) + attribute("strides", Integers{2}) +
                                        attribute("pads", Integers{1, 1})},
                                       {floats("w", {2, 3, 3}, kernel)}, {1, 2, 5}));
  ASSERT_EQ(first_reason(forward) + first_reason(back), "");
  EXPECT_EQ(back.nodes[back.outputs.at(0)].shape, (Dimensions{1, 3, 9}));
  const auto inner = [](const std::vector<double>& u, const std::vector<double>& v) {
    double sum = 0;
    for (std::size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
    return sum;
  };
  EXPECT_NEAR(inner(output_of(forward, doubles(x)), doubles(y)), inner(output_of(back, doubles(y)), doubles(x)), 1e-10);
}

// The folded weights are the exact products with a scale that row_error accounts for.
TEST(ImportLinear, FoldsBatchNormalizationIntoTheConvolutionBefore) {
  std::mt19937 random(6);
  for (const bool transposes : {false, true}) {
    const auto x = drawn(random, 2 * 5), kernel = drawn(random, 2 * 3 * 3),
               bias = drawn(random, transposes ? 3 : 2 + 1);
    const Statistics statistics(random, 3);
    auto constants = statistics.initializers();
    constants.push_back(floats("w", transposes ? Extents{2, 3, 3} : Extents{3, 2, 3}, kernel));
    constants.push_back(floats("b", {3}, bias));
    const std::string op = transposes ? "ConvTranspose" : "Conv";
    const auto convolution = node(op, {"x", "w", "b"}, {"t"}) + attribute("pads", Integers{1, 1}) +
                             attribute("strides", Integers{transposes ? 2 : 1});
    const Graph plain = imported(model_of({convolution, node("Identity", {"t"}, {"y"})}, constants, {1, 2, 5}));
    const Graph graph = imported(
        model_of({convolution, node("BatchNormalization", {"t", "g", "o", "m", "v"}, {"y"})}, constants, {1, 2, 5}));
    ASSERT_EQ(first_reason(graph), "");
    ASSERT_EQ(graph.nodes.size(), 2U) << "the convolution is not computed twice";
    const auto& folded = std::get<Affine>(graph.nodes[1].operation);
    EXPECT_GT(folded.row_error, 0);
    EXPECT_LT(folded.row_error, 4e-9);
    const auto before = output_of(plain, doubles(x)), after = output_of(graph, doubles(x));
    const std::size_t positions = before.size() / 3;
    // What row_error allows, on the linear part alone.
    const auto linear_before = image(*std::get<Affine>(plain.nodes[1].operation).map, doubles(x));
    const auto linear_after = image(*folded.map, doubles(x));
    for (std::size_t e = 0; e < before.size(); ++e) {
      const std::size_t c = e / positions;
      EXPECT_NEAR(after[e], statistics.apply(c, before[e]), 1e-7 * (1 + std::abs(after[e])));
      const double exact = statistics.scale(c) * linear_before[e];
      EXPECT_LE(std::abs(exact - linear_after[e]), folded.row_error * std::abs(exact) + 1e-13);
    }
  }
}

TEST(ImportLinear, KeepsBatchNormalizationWhereItCannotBeFolded) {
  std::mt19937 random(7);
  const Statistics statistics(random, 3);
  const auto x = drawn(random, 2 * 3 * 4);
  const Message norm = node("BatchNormalization", {"x", "g", "o", "m", "v"}, {"y"}, "norm");
  const Graph graph = imported(model_of({norm}, statistics.initializers(), {2, 3, 4}));
  ASSERT_EQ(first_reason(graph), "");
  std::vector<double> expected;
  for (std::size_t e = 0; e < x.size(); ++e) expected.push_back(statistics.apply(e / 4 % 3, static_cast<double>(x[e])));
  expect_near(output_of(graph, doubles(x)), expected, 4);
  EXPECT_LT(std::get<Affine>(graph.nodes[1].operation).row_error, 1e-14);
  EXPECT_NE(
      first_reason(imported(model_of({norm + attribute("training_mode", 1)}, statistics.initializers(), {2, 3, 4})))
          .find("training_mode"),
      std::string::npos);
}

// bias - s mean is a difference of numbers that may be almost equal: what is left is known up to its rounding.
TEST(ImportLinear, KnowsHowFarTheOffsetsOfBatchNormalizationAreRounded) {
  std::mt19937 random(8);
  std::uniform_real_distribution<float> near_one(0.5F, 2), wide(-1e4F, 1e4F);
  for (int round = 0; round < 100; ++round) {
    const float gain = near_one(random), variance = near_one(random), mean = wide(random), before = wide(random);
    const long double s = gain / std::sqrt(static_cast<long double>(variance) + static_cast<double>(1e-5F));
    for (const bool folded : {false, true}) {
      const long double shift = s * (static_cast<long double>(mean) - (folded ? before : 0.0F));
      const auto bias = static_cast<float>(shift);
      const std::vector<Message> constants = {floats("g", {1}, {gain}),    floats("o", {1}, {bias}),
                                              floats("m", {1}, {mean}),    floats("v", {1}, {variance}),
                                              floats("w", {1, 1, 1}, {1}), floats("b", {1}, {before})};
      std::vector<Message> nodes;
      if (folded) nodes.push_back(node("Conv", {"x", "w", "b"}, {"t"}));
      nodes.push_back(node("BatchNormalization", {folded ? "t" : "x", "g", "o", "m", "v"}, {"y"}));
      const Graph graph = imported(model_of(nodes, constants, {1, 1, 2}));
      ASSERT_EQ(first_reason(graph), "");
      ASSERT_EQ(graph.nodes.size(), 2U);
      const auto& affine = std::get<Affine>(graph.nodes[1].operation);
      const double offset = affine.offset.empty() ? 0 : affine.offset[0];
      ASSERT_FALSE(affine.offset_error.empty());
      const auto size = static_cast<double>(std::abs(s * mean) + std::abs(s * before) + std::abs(bias));
      EXPECT_LE(static_cast<double>(std::abs(bias - shift - offset)), affine.offset_error[0] + 0x1p-60 * size);
      EXPECT_LT(affine.offset_error[0], 0x1p-48 * size);
    }
  }
}

TEST(ImportLinear, AddsAndScalesWithBroadcasting) {
  const Message column = floats("c", {2, 1}, {10, 20}), row = floats("r", {3}, {1, 2, 4});
  const auto value = [&](const std::string& op, const Names& operands, const Extents& shape,
                         const std::vector<double>& x) {
    const Graph graph = imported(model_of({node(op, operands, {"y"})}, {column, row}, shape));
    EXPECT_EQ(first_reason(graph), "");
    return output_of(graph, x);
  };
  EXPECT_EQ(value("Add", {"x", "c"}, {2, 2}, {1, 2, 3, 4}), (std::vector<double>{11, 12, 23, 24}));
  EXPECT_EQ(value("Sub", {"c", "x"}, {2, 2}, {1, 2, 3, 4}), (std::vector<double>{9, 8, 17, 16}));
  EXPECT_EQ(value("Mul", {"r", "x"}, {2, 1}, {1, 3}), (std::vector<double>{1, 2, 4, 3, 6, 12})) << "x is broadcast up";
  EXPECT_EQ(value("Div", {"x", "r"}, {3}, {3, 3, 3}), (std::vector<double>{3, 1.5, 0.75}));
  EXPECT_EQ(value("Div", {"r", "x"}, {3}, {2, 4, 8}), (std::vector<double>{0.5, 0.5, 0.5}));
  EXPECT_EQ(value("Sub", {"x", "x"}, {2}, {3, 4}), (std::vector<double>{0, 0}));
  EXPECT_EQ(value("Mul", {"x", "x"}, {2}, {3, 4}), (std::vector<double>{9, 16}));
  EXPECT_EQ(value("Max", {"x", "r"}, {3}, {0, 5, 4}), (std::vector<double>{1, 5, 4}));
  EXPECT_EQ(value("Sum", {"x", "r", "x"}, {3}, {1, 1, 1}), (std::vector<double>{3, 4, 6}));
  EXPECT_EQ(value("Mean", {"x", "r"}, {3}, {3, 2, 0}), (std::vector<double>{2, 2, 2}));
}

// A mask of -inf in front of a softmax leaves the softmax of the others; elsewhere infinite constants are refused.
TEST(ImportLinear, MasksAreInfiniteInFrontOfASoftmaxOnly) {
  const float infinite = std::numeric_limits<float>::infinity();
  const auto graph_of = [&](const std::vector<float>& mask, const std::string& then) {
    return imported(model_of({node("Add", {"x", "mask"}, {"s"}, "sum"), node(then, {"s"}, {"y"})},
                             {floats("mask", {2, 3}, mask)}, {2, 3}));
  };
  const Graph masked = graph_of({0, -infinite, 0, 1, 1, -infinite}, "Softmax");
  ASSERT_EQ(first_reason(masked), "");
  const double e = std::exp(1.0);
  expect_near(output_of(masked, {1, 5, 0, 2, 2, 9}), {e / (e + 1), 0, 1 / (e + 1), 0.5, 0.5, 0}, 6);
  for (const std::string then : {"Relu", "LogSoftmax"}) {
    EXPECT_EQ(first_reason(graph_of({0, -infinite, 0, 1, 1, -infinite}, then)),
              "Add 'sum' has a constant that is not finite, other than -inf in front of a softmax");
  }
  EXPECT_NE(first_reason(graph_of({0, infinite, 0, 1, 1, 1}, "Softmax")), "");
  EXPECT_NE(first_reason(graph_of({-infinite, -infinite, -infinite, 1, 1, 1}, "Softmax")), "");  // 0 / 0
  EXPECT_NE(first_reason(graph_of({std::nanf(""), 0, 0, 1, 1, 1}, "Softmax")), "");
}

}  // namespace
}  // namespace sigmax::graph
