#include "sigmax/graph/from_onnx.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "graph/small_models.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::graph {
namespace {

using namespace testing;
using Integers = std::vector<std::int64_t>;
using Extent = std::variant<std::int64_t, std::string>;

std::string error_of(const Message& message, const ImportOptions& options = {}) {
  try {
    imported(message, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

Message symbolic_model(const std::vector<Extent>& extents) {
  return whole_model({node("Neg", {"x"}, {"y"})}, {}, {value_info("x", extents)}, {"y"});
}

TEST(FromOnnx, TakesAnOpenFirstAxisForTheBatch) {
  const Graph graph = imported(symbolic_model({"N", std::int64_t{3}}));
  EXPECT_EQ(graph.nodes[graph.inputs.at(0)].shape, (Dimensions{1, 3}));
  EXPECT_EQ(graph.nodes[graph.inputs.at(0)].name, "Input 'x'");
  ASSERT_EQ(graph.assumptions.size(), 1U);
  EXPECT_EQ(graph.assumptions[0], "batch size 1 (axis 0 of the input 'x')");
  EXPECT_TRUE(imported(symbolic_model({std::int64_t{2}, std::int64_t{3}})).assumptions.empty());
  EXPECT_EQ(imported(symbolic_model({"batch_size"})).nodes[0].shape, Dimensions{1});
  EXPECT_EQ(imported(symbolic_model({std::int64_t{2}, "Batch", std::int64_t{4}})).nodes[0].shape,
            (Dimensions{2, 1, 4}));
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

TEST(FromOnnx, ShowsNoControlCharactersOfAFile) {
  const std::string error = error_of(symbolic_model({"N", "\x1b[2J", ""}));
  EXPECT_NE(error.find("[N, ?[2J, ?]"), std::string::npos) << error;
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
  // After a known shape rules go on; after an unknown one nothing does.
  const Graph known = imported(model_of({node("Floor", {"x"}, {"t"}), node("Neg", {"t"}, {"y"})}, {}, {2, 3}));
  EXPECT_TRUE(std::holds_alternative<Affine>(known.nodes[known.outputs.at(0)].operation));
  const Graph unknown = imported(
      model_of({node("Mystery", {"x"}, {"t"}), node("Abs", {"t"}, {"u"}), node("Neg", {"u"}, {"y"})}, {}, {2, 3}));
  const auto* reason = std::get_if<Refused>(&unknown.nodes[unknown.outputs.at(0)].operation);
  ASSERT_NE(reason, nullptr);
  EXPECT_EQ(reason->reason, "comes after Mystery 't', whose output has no known shape");
  const Message foreign = node("Relu", {"x"}, {"y"}).text(7, "com.example");
  EXPECT_NE(first_reason(imported(model_of({foreign}, {}, {2}))).find("of the domain"), std::string::npos);
  EXPECT_NE(first_reason(imported(model_of({node("Add", {"x"}, {"y"})}, {}, {2}))).find("lacks operand 2"),
            std::string::npos);
}

TEST(FromOnnx, LeavesOutWhatNoOutputNeeds) {
  const Graph graph = imported(model_of({node("Floor", {"x"}, {"unused"}), node("Neg", {"x"}, {"y"})}, {}, {2}));
  EXPECT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(first_reason(graph), "");
}

TEST(FromOnnx, TakesTheOutputsThatAreAskedFor) {
  const Message message = whole_model({node("Floor", {"x"}, {"a"}), node("Neg", {"x"}, {"b"})}, {},
                                      {value_info("x", {std::int64_t{2}})}, {"a", "b"});
  ImportOptions options;
  options.outputs = {"b"};
  const Graph graph = imported(message, options);
  EXPECT_EQ(first_reason(graph), "");
  EXPECT_EQ(output_of(graph, {1, 2}), (std::vector<double>{-1, -2}));
  options.outputs = {"c"};
  EXPECT_NE(error_of(message, options).find("no output 'c'; it has 'a', 'b'"), std::string::npos);
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

// An LSTM's first Gemm is of a zero state: what rules can compute of constants needs no folding of its own.
TEST(FromOnnx, ComputesConstantsByTheirRules) {
  const Graph graph = imported(
      model_of({node("Gemm", {"zero", "w", "b"}, {"c"}), node("Softmax", {"c"}, {"s"}), node("Add", {"x", "s"}, {"y"})},
               {floats("zero", {1, 2}, {0, 0}), floats("w", {2, 2}, {1, 2, 3, 4}), floats("b", {2}, {1, 1})}, {1, 2}));
  ASSERT_EQ(first_reason(graph), "");
  EXPECT_EQ(output_of(graph, {1, 2}), (std::vector<double>{1.5, 2.5}));
}

// The exponent of a branch's squares is a constant of the graph around it.
TEST(FromOnnx, FindsNormsInBranches) {
  const Message branch = io::testing::graph(
      {node("Pow", {"x", "two"}, {"p"}), node("Add", {"p", "p"}, {"u"}), node("Sqrt", {"u"}, {"z"})}, {}, {}, {"z"});
  const Graph graph = imported(model_of(
      {node("If", {"c"}, {"y"}) + graph_attribute("then_branch", branch) + graph_attribute("else_branch", branch)},
      {packed_tensor("c", kBool, {}, 5, {1}), floats("two", {}, {2})}, {2}));
  ASSERT_EQ(first_reason(graph), "");
  EXPECT_TRUE(std::holds_alternative<Reduction>(graph.nodes[graph.outputs.at(0)].operation));
}

}  // namespace
}  // namespace sigmax::graph
