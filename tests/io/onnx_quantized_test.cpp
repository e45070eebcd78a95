// Integer weights with scale and zero point, read as the numbers that they represent.
#include <gtest/gtest.h>

#include <algorithm>

#include "io/onnx_bytes.hpp"
#include "sigmax/io/onnx/onnx.hpp"

namespace sigmax::io {
namespace {

using namespace testing;
using Nodes = std::vector<Message>;

const std::vector<std::int8_t> kIntegers = {-128, -1, 0, 1, 2, 127};

Message int8s(std::string_view name, const Extents& dims, const std::vector<std::int8_t>& values) {
  return raw_tensor(name, kInt8, dims, values);
}

/// The entry `q` of a graph of these nodes.
Entry weight(const Nodes& nodes, const std::vector<Message>& initializers) {
  const auto entries = read_onnx(file_of(model(graph(nodes, initializers, {"x"})).bytes, "m.onnx"));
  return *std::find_if(entries.begin(), entries.end(), [](const Entry& e) { return e.name == "q"; });
}

std::vector<float> values(const Entry& entry) {
  EXPECT_EQ(entry.unreadable, "");
  EXPECT_EQ(entry.dtype, DType::f32);
  if (!entry.load) return {};
  const Tensor tensor = entry.load();
  EXPECT_EQ(tensor.dtype(), DType::f32);
  EXPECT_EQ(tensor.shape(), entry.shape);
  const auto* first = reinterpret_cast<const float*>(tensor.data());
  return {first, first + tensor.size()};
}

Message dequantize(const std::vector<Message>& attributes = {}) {
  Message message = node("DequantizeLinear", {"q", "s", "z"}, {"w"}, "dq");
  for (const Message& one : attributes) message = message + one;
  return message;
}

TEST(OnnxQuantized, PerTensor) {
  const Entry q = weight({dequantize(), node("MatMul", {"x", "w"}, {"y"})},
                         {int8s("q", {2, 3}, kIntegers), floats("s", {}, {0.1F}), int8s("z", {}, {5})});
  std::vector<float> expected;
  for (const int integer : kIntegers) expected.push_back(static_cast<float>(integer - 5) * 0.1F);
  EXPECT_EQ(values(q), expected);
  EXPECT_EQ(q.shape, (Dimensions{2, 3}));
  EXPECT_EQ(q.provenance, "initializer, dequantized from i8 by DequantizeLinear 'dq'");
  ASSERT_TRUE(q.bytes);
  EXPECT_EQ(q.bytes->length, 6U);
  ASSERT_EQ(q.used_by.size(), 1U);
  EXPECT_EQ(q.used_by.front().op, "MatMul");
}

TEST(OnnxQuantized, PerAxisAndBlocked) {
  const Message q = int8s("q", {2, 3}, {1, 2, 3, 4, 5, 6});
  const auto read = [&](const Extents& shape, const std::vector<float>& scales, const Message& attributes) {
    std::vector<std::int8_t> zeros(scales.size(), 1);
    return values(weight({dequantize() + attributes}, {q, floats("s", shape, scales), int8s("z", shape, zeros)}));
  };
  EXPECT_EQ(read({3}, {1, 10, 100}, {}), (std::vector<float>{0, 10, 200, 3, 40, 500}));
  EXPECT_EQ(read({2}, {1, 10}, attribute("axis", 0)), (std::vector<float>{0, 1, 2, 30, 40, 50}));
  EXPECT_EQ(read({2}, {1, 10}, attribute("axis", -2)), (std::vector<float>{0, 1, 2, 30, 40, 50}));
  EXPECT_EQ(read({2, 2}, {1, 10, 100, 1000}, attribute("block_size", 2)),
            (std::vector<float>{0, 1, 20, 300, 400, 5000}));
  EXPECT_EQ(read({1, 3}, {1, 10, 100}, attribute("axis", 0) + attribute("block_size", 2)),
            (std::vector<float>{0, 10, 200, 3, 40, 500}));
}

TEST(OnnxQuantized, EveryIntegerWidthAndTypedFields) {
  const Message s = floats("s", {}, {2});
  const Nodes nodes = {node("DequantizeLinear", {"q", "s"}, {"w"})};
  EXPECT_EQ(values(weight(nodes, {packed_tensor("q", kInt4, {3}, 5, {0xf8, 0x07}), s})),
            (std::vector<float>{-16, -2, 14}));
  EXPECT_EQ(values(weight(nodes, {tensor_head("q", kUint4, {3}).text(9, "\xf8\x07"), s})),
            (std::vector<float>{16, 30, 14}));
  EXPECT_EQ(values(weight(nodes, {packed_tensor("q", kUint8, {2}, 5, {0, 255}), s})), (std::vector<float>{0, 510}));
  EXPECT_EQ(values(weight(nodes, {packed_tensor("q", kInt16, {1}, 5, {-32768}), s})), (std::vector<float>{-65536}));
  EXPECT_EQ(values(weight(nodes, {packed_tensor("q", kInt32, {1}, 5, {-7}), s})), (std::vector<float>{-14}));
  EXPECT_EQ(values(weight(nodes, {packed_tensor("q", kInt8, {0}, 5, {}), s})), (std::vector<float>{}));
}

TEST(OnnxQuantized, ResultHasTheScalesType) {
  const Entry q = weight({node("DequantizeLinear", {"q", "s"}, {"w"})},
                         {int8s("q", {1}, {3}), packed_tensor("s", kFloat16, {}, 5, {0x2e66})});
  EXPECT_EQ(q.dtype, DType::f16);
  const std::int64_t first[] = {0};
  EXPECT_EQ(q.load().at(first), f16_to_double(double_to_f16(3 * f16_to_double(0x2e66))));
}

TEST(OnnxQuantized, ScaleAndWeightMayComeFromOuterGraphsAndThroughMoves) {
  const Message inner = graph({node("Identity", {"q"}, {"q2"}), node("DequantizeLinear", {"q2", "s"}, {"w"})});
  EXPECT_EQ(values(weight({constant("s", floats("", {2}, {1, 10})),
                           node("If", {"c"}, {}) + graph_attribute("then_branch", inner)},
                          {int8s("q", {1, 2}, {3, 4})})),
            (std::vector<float>{3, 40}));
  const Nodes gathered = {node("Gather", {"q", "x"}, {"rows"}), node("DequantizeLinear", {"rows", "s"}, {"w"})};
  EXPECT_EQ(values(weight(gathered, {int8s("q", {1, 2}, {3, 4}), floats("s", {1}, {2})})), (std::vector<float>{6, 8}));
}

TEST(OnnxQuantized, QuantizedOperators) {
  const Message q = int8s("q", {2, 3}, {1, 2, 3, 4, 5, 6});
  const Message by_row = floats("s", {2}, {1, 10}), by_column = floats("s", {3}, {1, 10, 100});
  const std::vector<float> rows = {1, 2, 3, 40, 50, 60}, columns = {1, 20, 300, 4, 50, 600};
  const auto read = [&](const Message& one, const Message& scale) { return values(weight({one}, {q, scale})); };
  EXPECT_EQ(read(node("QLinearConv", {"x", "xs", "xz", "q", "s", "", "ys", "yz"}, {"y"}), by_row), rows);
  EXPECT_EQ(read(node("QLinearMatMul", {"x", "xs", "xz", "q", "s", "", "ys", "yz"}, {"y"}), by_column), columns);
  EXPECT_EQ(read(node("QLinearMatMul", {"q", "s", "", "x", "xs", "xz", "ys", "yz"}, {"y"}), by_row), rows);
  EXPECT_EQ(read(node("DynamicQuantizeMatMul", {"x", "q", "s"}, {"y"}).text(7, "com.microsoft"), by_column), columns);
  const Message gemm = node("QGemm", {"x", "xs", "xz", "q", "s", ""}, {"y"}).text(7, "com.microsoft");
  EXPECT_EQ(read(gemm, by_column), columns);
  EXPECT_EQ(read(gemm + attribute("transB", 1), by_row), rows);
}

TEST(OnnxQuantized, IntegerProductsWhoseScaleIsMultipliedLater) {
  const std::vector<Message> constants = {int8s("q", {2, 2}, {1, 2, 3, 4}), floats("s", {2}, {1, 10}),
                                          int8s("z", {2}, {0, 1})};
  const auto nodes = [](std::string_view op, const std::string& x_scale) {
    return Nodes{node("DynamicQuantizeLinear", {"x"}, {"xq", "xs", "xz"}),
                 node(op, {"xq", "q", "xz", "z"}, {"product"}, "p"), node("Cast", {"product"}, {"real"}),
                 node("Mul", {x_scale, "s"}, {"scale"}), node("Mul", {"real", "scale"}, {"y"})};
  };
  EXPECT_EQ(values(weight(nodes("MatMulInteger", "xs"), constants)), (std::vector<float>{1, 10, 3, 30}));
  EXPECT_EQ(values(weight(nodes("ConvInteger", "xs"), constants)), (std::vector<float>{1, 2, 20, 30}));
  EXPECT_TRUE(contains(weight(nodes("MatMulInteger", "other"), constants).unreadable,
                       "its scale is not a constant (MatMulInteger 'p')"));
}

TEST(OnnxQuantized, SaysWhyIntegersStayIntegers) {
  const Message q = int8s("q", {2, 3}, kIntegers), s = floats("s", {}, {1});
  struct Case {
    Nodes nodes;
    std::vector<Message> constants;
    const char* problem;
  };
  const Message other = node("DequantizeLinear", {"q", "s2"}, {"w2"}, "dq2");
  const Case cases[] = {
      {{dequantize()}, {q}, "its scale is not a constant"},
      {{dequantize()}, {q, s}, "its zero point is not a constant"},
      {{dequantize()}, {q, s, floats("z", {}, {0})}, "its zero point has type f32, not i8"},
      {{dequantize()}, {q, int8s("s", {}, {1})}, "its scale has type i8"},
      {{dequantize()}, {q, floats("s", {2}, {1, 2}), int8s("z", {3}, {1, 2, 3})}, "it has 2 scales and 3 zero points"},
      {{dequantize()}, {q, floats("s", {0}, {}), int8s("z", {}, {1})}, "no scale"},
      {{dequantize()},
       {q, floats("s", {2}, {1, 2}), int8s("z", {}, {1})},
       "of shape [2] does not fit axis 1 of [2, 3]"},
      {{dequantize({attribute("axis", 2)})}, {q, floats("s", {2}, {1, 2}), int8s("z", {}, {1})}, "along axis 2 of 2"},
      {{dequantize({attribute("block_size", -1)})},
       {q, floats("s", {3}, {1, 2, 3}), int8s("z", {}, {1})},
       "block_size is -1"},
      {{node("Transpose", {"q"}, {"t"}), node("DequantizeLinear", {"t", "s"}, {"w"})},
       {q, floats("s", {3}, {1, 2, 3})},
       "rearranges it"},
      {{node("DequantizeLinear", {"q", "s"}, {"w"}), other}, {q, s, floats("s2", {}, {2})}, "in different ways"},
      {{node("DequantizeLinear", {"q", "s"}, {"w"}) + attribute("output_dtype", 3)}, {q, s}, "output_dtype is 3"},
      {{node("MatMulNBits", {"x", "q", "s"}, {"y"}).text(7, "com.microsoft")}, {q, s}, "layout of MatMulNBits"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.problem);
    const Entry entry = weight(c.nodes, c.constants);
    EXPECT_TRUE(contains(entry.unreadable, "quantized"));
    EXPECT_TRUE(contains(entry.unreadable, c.problem));
    EXPECT_EQ(entry.dtype, DType::i8);
    EXPECT_FALSE(entry.load);
  }
  const Entry plain = weight({node("Gather", {"x", "q"}, {"y"})}, {q});
  EXPECT_EQ(plain.unreadable, "");
  EXPECT_EQ(plain.load().dtype(), DType::i8);
}

}  // namespace
}  // namespace sigmax::io
