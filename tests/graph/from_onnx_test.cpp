#include "sigmax/graph/from_onnx.hpp"

#include <gtest/gtest.h>

#include <random>

#include "graph/small_models.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;
using Integers = std::vector<std::int64_t>;
using Extent = std::variant<std::int64_t, std::string>;

std::vector<float> drawn(std::mt19937& random, std::int64_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& each : values) each = normal(random);
  return values;
}

std::vector<double> doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

std::string error_of(const Message& message, const ImportOptions& options = {}) {
  try {
    imported(message, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Sums of at most `terms` products of entries of a few units, in double.
void expect_near(const std::vector<double>& found, const std::vector<double>& expected, double terms) {
  ASSERT_EQ(found.size(), expected.size());
  double scale = 1;
  for (const double each : expected) scale = std::max(scale, std::abs(each));
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], terms * terms * scale * 0x1p-52) << i;
  }
}

Message symbolic_model(const std::vector<Extent>& extents) {
  return whole_model({node("Neg", {"x"}, {"y"})}, {}, {value_info("x", extents)}, {"y"});
}

TEST(FromOnnx, TakesAnOpenFirstAxisForTheBatch) {
  const Graph graph = imported(symbolic_model({"N", std::int64_t{3}}));
  EXPECT_EQ(graph.nodes[graph.inputs.at(0)].shape, (Dimensions{1, 3}));
  EXPECT_EQ(graph.nodes[graph.inputs.at(0)].name, "Input 'x'");
  ASSERT_EQ(graph.assumptions.size(), 1U);
  EXPECT_EQ(graph.assumptions[0], "batch size 1 (the first axis of the input 'x')");
  EXPECT_TRUE(imported(symbolic_model({std::int64_t{2}, std::int64_t{3}})).assumptions.empty());
  EXPECT_EQ(imported(symbolic_model({"batch_size"})).nodes[0].shape, Dimensions{1});
}

TEST(FromOnnx, NamesTheInputWhoseSizeIsOpen) {
  const std::string error = error_of(symbolic_model({"N", std::int64_t{3}, "height", ""}));
  EXPECT_NE(error.find("the input 'x' has the shape [N, 3, height, ?] in the file"), std::string::npos) << error;
  EXPECT_NE(error.find("--input-shape x=1x3x224x224"), std::string::npos) << error;
  EXPECT_NE(error_of(symbolic_model({"length"})).find("--input-shape x=224"), std::string::npos);
  ImportOptions options;
  options.input_shapes["x"] = {2, 3, 5, 7};
  const Graph graph = imported(symbolic_model({"N", std::int64_t{3}, "height", ""}), options);
  EXPECT_EQ(graph.nodes[graph.outputs.at(0)].shape, (Dimensions{2, 3, 5, 7}));
  EXPECT_TRUE(graph.assumptions.empty());
  options.input_shapes["x"] = {2, 4, 5, 7};
  EXPECT_NE(error_of(symbolic_model({"N", std::int64_t{3}, "height", ""}), options).find("does not fit"),
            std::string::npos);
  ImportOptions other;
  other.input_shapes["z"] = {1};
  EXPECT_NE(error_of(symbolic_model({"N"}), other).find("no input 'z'; it has 'x'"), std::string::npos);
}

TEST(FromOnnx, TakesTheBranchOfAConstantCondition) {
  const Message then_graph = io::testing::graph({node("Neg", {"x"}, {"z"})}, {}, {}, {"z"});
  const Message else_graph =
      io::testing::graph({node("Add", {"x", "one"}, {"z"})}, {floats("one", {}, {1})}, {}, {"z"});
  const auto branch_on = [&](const std::string& condition) {
    return node("If", {condition}, {"y"}, "choice") + graph_attribute("then_branch", then_graph) +
           graph_attribute("else_branch", else_graph);
  };
  const Message yes = packed_tensor("c", kBool, {}, 5, {1}), no = packed_tensor("c", kBool, {}, 5, {0});
  EXPECT_EQ(output_of(imported(model_of({branch_on("c")}, {yes}, {2})), {3, 4}), (std::vector<double>{-3, -4}));
  EXPECT_EQ(output_of(imported(model_of({branch_on("c")}, {no}, {2})), {3, 4}), (std::vector<double>{4, 5}));
  EXPECT_EQ(first_reason(imported(model_of({branch_on("x")}, {}, {1}))),
            "If 'choice' depends on the input in its steps");
}

TEST(FromOnnx, FixesAnInputToAValue) {
  const Message message = whole_model({node("Mul", {"x", "rate"}, {"y"})}, {},
                                      {value_info("x", {std::int64_t{2}}), value_info("rate", {}, kInt64)}, {"y"});
  EXPECT_NE(first_reason(imported(message)).find("Input 'rate' is an input of type i64"), std::string::npos);
  ImportOptions options;
  options.input_values["rate"] = Tensor::copy_of(std::vector<double>{3}, {});
  const Graph graph = imported(message, options);
  EXPECT_EQ(graph.inputs.size(), 1U);
  EXPECT_EQ(output_of(graph, {1, 2}), (std::vector<double>{3, 6}));
}

TEST(FromOnnx, ReadsWeightsWhereTheyLie) {
  std::mt19937 random(1);
  const auto weight = drawn(random, 6);
  const Graph graph = imported(
      model_of({node("Gemm", {"x", "w"}, {"y"}) + attribute("transB", 1)}, {floats("w", {2, 3}, weight)}, {1, 3}));
  const auto& affine = std::get<Affine>(graph.nodes[graph.outputs.at(0)].operation);
  const auto kind = affine.map->structure();
  const auto* stored = std::get_if<structure::Stored>(&kind);
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->matrix->dtype, DType::f32);
  EXPECT_EQ(affine.row_error, 0);
}

TEST(FromOnnx, MultipliesWithGemmAsItIsDefined) {
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
TEST(FromOnnx, MultipliesStacksOfMatricesAsNumPyDoes) {
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

TEST(FromOnnx, ConvolvesAsItIsDefined) {
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
TEST(FromOnnx, TransposesConvolutions) {
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

struct Statistics {
  std::vector<float> gain, bias, mean, variance;
  Statistics(std::mt19937& random, std::int64_t channels)
      : gain(drawn(random, channels)),
        bias(drawn(random, channels)),
        mean(drawn(random, channels)),
        variance(drawn(random, channels)) {
    for (float& each : variance) each = std::abs(each) + 0.1F;
  }
  double scale(std::size_t c) const {
    return static_cast<double>(gain[c]) / std::sqrt(static_cast<double>(variance[c]) + static_cast<double>(1e-5F));
  }
  double apply(std::size_t c, double x) const {
    return scale(c) * (x - static_cast<double>(mean[c])) + static_cast<double>(bias[c]);
  }
  std::vector<Message> initializers() const {
    const Extents shape{static_cast<std::int64_t>(gain.size())};
    return {floats("g", shape, gain), floats("o", shape, bias), floats("m", shape, mean), floats("v", shape, variance)};
  }
};

// The folded weights are the exact products with a scale that row_error accounts for.
TEST(FromOnnx, FoldsBatchNormalizationIntoTheConvolutionBefore) {
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

TEST(FromOnnx, KeepsBatchNormalizationWhereItCannotBeFolded) {
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

TEST(FromOnnx, AddsAndScalesWithBroadcasting) {
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

TEST(FromOnnx, PoolsMaximaWithWindowsThatReachBeyondTheEnd) {
  // Five entries, windows of two with stride two: the last has one entry.
  const Message pool =
      node("MaxPool", {"x"}, {"y"}) + attribute("kernel_shape", Integers{2}) + attribute("strides", Integers{2});
  EXPECT_EQ(output_of(imported(model_of({pool}, {}, {1, 1, 5})), {1, 3, 2, 0, 7}), (std::vector<double>{3, 2}));
  EXPECT_EQ(output_of(imported(model_of({pool + attribute("ceil_mode", 1)}, {}, {1, 1, 5})), {1, 3, 2, 0, -7}),
            (std::vector<double>{3, 2, -7}));
  // The padding is left out: it is not 0.
  const Message padded =
      node("MaxPool", {"x"}, {"y"}) + attribute("kernel_shape", Integers{2}) + attribute("pads", Integers{1, 0});
  EXPECT_EQ(output_of(imported(model_of({padded}, {}, {1, 1, 3})), {-1, -3, -2}), (std::vector<double>{-1, -1, -2}));
  const Message outside =
      node("MaxPool", {"x"}, {"y"}) + attribute("kernel_shape", Integers{1}) + attribute("pads", Integers{1, 0});
  EXPECT_NE(first_reason(imported(model_of({outside}, {}, {1, 1, 3}))).find("without entries"), std::string::npos);
}

TEST(FromOnnx, RefusesWithTheNodesNameAndTheReasonAndGoesOn) {
  const auto refused = [](const std::string& op) {
    const Graph graph = imported(model_of({node(op, {"x"}, {"t"}, "here"), node("Neg", {"t"}, {"y"})}, {}, {2, 3}));
    EXPECT_EQ(graph.nodes[graph.outputs.at(0)].name, "Neg 'y'");
    return first_reason(graph);
  };
  EXPECT_EQ(refused("Floor"), "Floor 'here' is not Lipschitz: it jumps");
  EXPECT_EQ(refused("ArgMax"), "ArgMax 'here' is not Lipschitz: its output is a position, which jumps");
  EXPECT_EQ(refused("NoSuchOperator"), "NoSuchOperator 'here' is an operator that no rule knows");
  EXPECT_NE(refused("DynamicQuantizeLinear").find("rounds to steps"), std::string::npos);
  EXPECT_NE(refused("NonMaxSuppression").find("jumps"), std::string::npos);
  // Behind a known shape rules go on; behind an unknown one nothing does.
  const Graph known = imported(model_of({node("Floor", {"x"}, {"t"}), node("Neg", {"t"}, {"y"})}, {}, {2, 3}));
  EXPECT_TRUE(std::holds_alternative<Affine>(known.nodes[known.outputs.at(0)].operation));
  const Graph unknown = imported(model_of({node("Mystery", {"x"}, {"t"}), node("Neg", {"t"}, {"y"})}, {}, {2, 3}));
  const auto* reason = std::get_if<Refused>(&unknown.nodes[unknown.outputs.at(0)].operation);
  ASSERT_NE(reason, nullptr);
  EXPECT_EQ(reason->reason, "follows Mystery 't', of whose output not even the shape is known");
  const Message foreign = node("Relu", {"x"}, {"y"}).text(7, "com.example");
  EXPECT_NE(first_reason(imported(model_of({foreign}, {}, {2}))).find("another domain"), std::string::npos);
  EXPECT_NE(first_reason(imported(model_of({node("Add", {"x"}, {"y"})}, {}, {2}))).find("lacks operand 2"),
            std::string::npos);
}

TEST(FromOnnx, LeavesOutWhatNoOutputNeeds) {
  const Graph graph = imported(model_of({node("Floor", {"x"}, {"unused"}), node("Neg", {"x"}, {"y"})}, {}, {2}));
  EXPECT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(first_reason(graph), "");
}

TEST(FromOnnx, HandsInferenceThrough) {
  const Message chain = model_of({node("Dropout", {"x"}, {"a"}), node("Cast", {"a"}, {"b"}) + attribute("to", kFloat16),
                                  node("Identity", {"b"}, {"y"})},
                                 {}, {2});
  EXPECT_EQ(imported(chain).nodes.size(), 1U);
  const Message training =
      model_of({node("Dropout", {"x", "", "t"}, {"y"})}, {packed_tensor("t", kBool, {}, 5, {1})}, {2});
  EXPECT_NE(first_reason(imported(training)).find("random"), std::string::npos);
  EXPECT_NE(
      first_reason(imported(model_of({node("Cast", {"x"}, {"y"}) + attribute("to", kInt64)}, {}, {2}))).find("steps"),
      std::string::npos);
}

// Chains of convolutions, normalizations, sums with constants and with earlier values, against the definitions.
TEST(FromOnnx, ImportsRandomChainsThatAgreeWithTheirDefinitions) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const std::int64_t n = 4 + static_cast<std::int64_t>(random() % 4);
    std::int64_t channels = 1 + static_cast<std::int64_t>(random() % 3);
    const Extents shape{1, channels, n};
    const auto x = drawn(random, channels * n);
    std::vector<Message> nodes, constants;
    std::vector<double> value = doubles(x), before;
    std::string name = "x", earlier;
    for (int step = 0; step < 5; ++step) {
      const std::string next = step == 4 ? "y" : "t" + std::to_string(step), own = "c" + std::to_string(step);
      const auto count = static_cast<std::size_t>(n);
      switch (random() % 5) {
        case 0: {
          const std::int64_t outputs = 1 + static_cast<std::int64_t>(random() % 3);
          const auto kernel = drawn(random, outputs * channels * 3), bias = drawn(random, outputs);
          constants.push_back(floats(own, {outputs, channels, 3}, kernel));
          constants.push_back(floats(own + "b", {outputs}, bias));
          nodes.push_back(node("Conv", {name, own, own + "b"}, {next}) + text_attribute("auto_pad", "SAME_UPPER"));
          std::vector<double> result(static_cast<std::size_t>(outputs) * count);
          for (std::size_t o = 0; o < static_cast<std::size_t>(outputs); ++o) {
            for (std::size_t a = 0; a < count; ++a) {
              double sum = static_cast<double>(bias[o]);
              for (std::size_t i = 0; i < static_cast<std::size_t>(channels); ++i) {
                for (std::size_t p = 0; p < 3; ++p) {
                  if (a + p < 1 || a + p > count) continue;
                  sum += static_cast<double>(kernel[(o * static_cast<std::size_t>(channels) + i) * 3 + p]) *
                         value[i * count + a + p - 1];
                }
              }
              result[o * count + a] = sum;
            }
          }
          value = result;
          channels = outputs;
          earlier.clear();
          break;
        }
        case 1: {
          const Statistics statistics(random, channels);
          const auto list = statistics.initializers();
          Names operands{name};
          for (std::size_t k = 0; k < 4; ++k) {
            const std::vector<float>* all[] = {&statistics.gain, &statistics.bias, &statistics.mean,
                                               &statistics.variance};
            operands.push_back(own + std::to_string(k));
            constants.push_back(floats(operands.back(), {channels}, *all[k]));
          }
          nodes.push_back(node("BatchNormalization", operands, {next}));
          for (std::size_t e = 0; e < value.size(); ++e) value[e] = statistics.apply(e / count, value[e]);
          break;
        }
        case 2: {
          const auto factors = drawn(random, channels);
          constants.push_back(floats(own, {channels, 1}, factors));
          nodes.push_back(node("Mul", {name, own}, {next}));
          for (std::size_t e = 0; e < value.size(); ++e) value[e] *= static_cast<double>(factors[e / count]);
          break;
        }
        case 3: {
          if (!earlier.empty()) {
            nodes.push_back(node("Sub", {name, earlier}, {next}));
            for (std::size_t e = 0; e < value.size(); ++e) value[e] -= before[e];
            break;
          }
          nodes.push_back(node("Identity", {name}, {next}));
          earlier = next;
          before = value;
          break;
        }
        default: {
          const auto terms = drawn(random, n);
          constants.push_back(floats(own, {n}, terms));
          nodes.push_back(node("Add", {own, name}, {next}));
          for (std::size_t e = 0; e < value.size(); ++e) value[e] += static_cast<double>(terms[e % count]);
        }
      }
      name = next;
    }
    const Graph graph = imported(model_of(nodes, constants, shape));
    SCOPED_TRACE(seed);
    ASSERT_EQ(first_reason(graph), "");
    const auto found = output_of(graph, doubles(x));
    ASSERT_EQ(found.size(), value.size());
    double scale = 1, errors = 0x1p-40;
    for (const double each : value) scale = std::max(scale, std::abs(each));
    for (const Node& each : graph.nodes) {
      if (const auto* affine = std::get_if<Affine>(&each.operation)) errors += affine->row_error;
    }
    // Cancellation after a step may leave less than its size; the factors of five steps stay below 1e4.
    for (std::size_t e = 0; e < found.size(); ++e) EXPECT_NEAR(found[e], value[e], 1e4 * errors * scale);
  }
}

}  // namespace
}  // namespace sigmax::graph
