// Real weights that a graph rounds to integers and back, as quantization-aware training exports them.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "io/onnx_bytes.hpp"
#include "sigmax/io/onnx/onnx.hpp"

namespace sigmax::io {
namespace {

using namespace testing;
using Nodes = std::vector<Message>;
using Tensors = std::vector<Message>;

const Message kProduct = node("MatMul", {"x", "d"}, {"y"});
const Message kQuantize = node("QuantizeLinear", {"w", "s"}, {"q"}, "ql");
const Message kDequantize = node("DequantizeLinear", {"q", "s"}, {"d"});

Entry weight(const Nodes& nodes, const Tensors& initializers) {
  const auto entries = read_onnx(file_of(model(graph(nodes, initializers, {"x"})).bytes, "m.onnx"));
  return *std::find_if(entries.begin(), entries.end(), [](const Entry& e) { return e.name == "w"; });
}

std::vector<float> values(const Entry& entry) {
  const Tensor tensor = entry.load();
  EXPECT_EQ(tensor.dtype(), DType::f32);
  EXPECT_EQ(tensor.shape(), entry.shape);
  const auto* first = reinterpret_cast<const float*>(tensor.data());
  return {first, first + tensor.size()};
}

// The operator that makes a product's operand another matrix than the weight; "" if none does.
std::string computed_by(const Entry& entry) {
  for (const Usage& use : entry.used_by) {
    if (use.op == "MatMul" || use.op == "Conv") return use.computed_by;
  }
  return "not used";
}

TEST(OnnxRounding, TiesGoToEvenAndTheEndsSaturate) {
  const std::vector<float> given = {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 0.51F, 300, -7, 1e30F, -1e30F};
  const Entry w = weight({kQuantize, kDequantize, kProduct}, {floats("w", {2, 5}, given), floats("s", {}, {1})});
  // Without a zero point the integers are u8.
  EXPECT_EQ(values(w), (std::vector<float>{0, 2, 2, 0, 0, 1, 255, 0, 255, 0}));
  EXPECT_EQ(w.provenance, "initializer, rounded to u8 and back by QuantizeLinear 'ql'");
  EXPECT_EQ(w.dtype, DType::f32);
  EXPECT_EQ(computed_by(w), "");
}

TEST(OnnxRounding, ZeroPointsAndTypes) {
  const Nodes nodes = {node("QuantizeLinear", {"w", "s", "z"}, {"q"}), node("DequantizeLinear", {"q", "s", "z"}, {"d"}),
                       kProduct};
  const std::vector<float> given = {-100, -1, 0.2F, 0.3F, 31.6F, 1000};
  const auto with = [&](const Message& zero) {
    return values(weight(nodes, {floats("w", {2, 3}, given), floats("s", {}, {0.5F}), zero}));
  };
  EXPECT_EQ(with(raw_tensor<std::int8_t>("z", kInt8, {}, {0})), (std::vector<float>{-64, -1, 0, 0.5F, 31.5F, 63.5F}));
  EXPECT_EQ(with(raw_tensor<std::int8_t>("z", kInt8, {1}, {100})),
            (std::vector<float>{-100, -1, 0, 0.5F, 13.5F, 13.5F}));
  EXPECT_EQ(with(raw_tensor<std::uint8_t>("z", kUint8, {}, {2})), (std::vector<float>{-1, -1, 0, 0.5F, 31.5F, 126.5F}));
  EXPECT_EQ(with(raw_tensor<std::int16_t>("z", kInt16, {}, {0})), (std::vector<float>{-100, -1, 0, 0.5F, 31.5F, 1000}));
  EXPECT_EQ(with(raw_tensor<std::uint8_t>("z", kInt4, {}, {0})), (std::vector<float>{-4, -1, 0, 0.5F, 3.5F, 3.5F}));
}

TEST(OnnxRounding, OneScaleForEachIndexOfAnAxis) {
  const auto with = [](std::int64_t axis, const std::vector<float>& scales) {
    const Message at = attribute("axis", axis);
    const Message zeros =
        raw_tensor("z", kInt8, {static_cast<std::int64_t>(scales.size())}, std::vector<std::int8_t>(scales.size(), 0));
    const Nodes nodes = {node("QuantizeLinear", {"w", "s", "z"}, {"q"}) + at,
                         node("DequantizeLinear", {"q", "s", "z"}, {"d"}) + at, kProduct};
    return weight(nodes, {floats("w", {2, 3}, {1, 2, 3, 4, 5, 6}), zeros,
                          floats("s", {static_cast<std::int64_t>(scales.size())}, scales)});
  };
  EXPECT_EQ(values(with(0, {2, 4})), (std::vector<float>{0, 2, 4, 4, 4, 8})) << "0.5, 1, 1.5; 1, 1.25, 1.5";
  EXPECT_EQ(values(with(-2, {2, 4})), (std::vector<float>{0, 2, 4, 4, 4, 8}));
  EXPECT_EQ(values(with(1, {1, 4, 2})), (std::vector<float>{1, 0, 4, 4, 4, 6})) << "1, 0.5, 1.5; 4, 1.25, 3";
  EXPECT_EQ(computed_by(with(1, {1, 4})), "QuantizeLinear") << "scales that do not fit";
}

TEST(OnnxRounding, NaNStaysOne) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto rounded =
      values(weight({kQuantize, kDequantize, kProduct}, {floats("w", {1, 3}, {nan, 1, nan}), floats("s", {}, {1})}));
  EXPECT_NE(rounded[0], rounded[0]);
  EXPECT_EQ(rounded[1], 1);
  EXPECT_NE(rounded[2], rounded[2]);
}

// Whatever is not that pair alone makes another matrix, which is not read.
TEST(OnnxRounding, OtherUsesOfTheIntegersOrOfOtherConstantsAreComputed) {
  const Tensors tensors = {floats("w", {2, 2}, {1, 2, 3, 4}), floats("s", {}, {1}), floats("t", {}, {2}),
                           raw_tensor<std::int8_t>("z", kInt8, {}, {0})};
  const Nodes odd[] = {
      {kQuantize, node("DequantizeLinear", {"q", "t"}, {"d"}), kProduct},
      {kQuantize, node("DequantizeLinear", {"q", "s", "z"}, {"d"}), kProduct},
      {kQuantize, kDequantize, kProduct, node("Cast", {"q"}, {"c"}) + attribute("to", 1)},
      {node("QuantizeLinear", {"w", "a"}, {"q"}), node("DequantizeLinear", {"q", "a"}, {"d"}), kProduct},
      {node("QuantizeLinear", {"w", "s"}, {"q"}) + attribute("block_size", 1), kDequantize, kProduct},
      {kQuantize, kDequantize, kProduct, node("QuantizeLinear", {"w", "t"}, {"q2"}),
       node("DequantizeLinear", {"q2", "t"}, {"d2"}), node("MatMul", {"x", "d2"}, {"y2"})},
  };
  for (const Nodes& nodes : odd) {
    const Entry w = weight(nodes, tensors);
    EXPECT_EQ(values(w), (std::vector<float>{1, 2, 3, 4})) << "as it is stored";
    EXPECT_EQ(computed_by(w), "QuantizeLinear");
  }
  // Multiplied with as it is stored, too: that is what is measured.
  const Entry both = weight({kQuantize, kDequantize, kProduct, node("MatMul", {"x", "w"}, {"y2"})}, tensors);
  EXPECT_EQ(both.provenance, "initializer");
  EXPECT_TRUE(std::any_of(both.used_by.begin(), both.used_by.end(),
                          [](const Usage& use) { return use.op == "MatMul" && use.computed_by.empty(); }));
}

TEST(OnnxRounding, CastsThatChangeNumbersCompute) {
  const auto through = [](const std::vector<std::int64_t>& types, std::int32_t stored = kFloat) {
    Nodes nodes;
    std::string last = "w";
    for (std::size_t i = 0; i < types.size(); ++i) {
      const std::string next = i + 1 == types.size() ? "d" : "c" + std::to_string(i);
      nodes.push_back(node("Cast", {last}, {next}) + attribute("to", types[i]));
      last = next;
    }
    nodes.push_back(kProduct);
    const std::size_t width = stored == kFloat16 || stored == kBfloat16 ? 2 : stored == kDouble ? 8 : 4;
    return computed_by(weight(nodes, {raw_tensor("w", stored, {2, 2}, std::vector<std::uint8_t>(4 * width))}));
  };
  EXPECT_EQ(through({kInt8, kFloat}), "Cast");
  EXPECT_EQ(through({kInt32, kFloat}), "Cast");
  EXPECT_EQ(through({kFloat16, kFloat}), "Cast");
  EXPECT_EQ(through({kBfloat16}), "Cast");
  EXPECT_EQ(through({kFloat}, kDouble), "Cast");
  EXPECT_EQ(through({kBfloat16}, kFloat16), "Cast");
  EXPECT_EQ(through({kFloat16}, kBfloat16), "Cast");
  EXPECT_EQ(through({kFloat}), "");
  EXPECT_EQ(through({kDouble, kFloat}), "") << "there and back";
  EXPECT_EQ(through({kFloat}, kFloat16), "");
  EXPECT_EQ(through({kFloat, kDouble}, kBfloat16), "");
}

}  // namespace
}  // namespace sigmax::io
