#include "sigmax/io/onnx/onnx.hpp"

#include <gtest/gtest.h>

#include <map>

#include "io/onnx_bytes.hpp"

namespace sigmax::io {
namespace {

using namespace testing;

std::vector<Entry> read(const Message& message) { return read_onnx(file_of(message.bytes, "m.onnx")); }

const Entry& entry_of(const std::vector<Entry>& entries, std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == name; });
  if (found == entries.end()) throw std::runtime_error("no entry " + std::string(name));
  return *found;
}

template <class T>
std::vector<T> elements(const Entry& entry) {
  const Tensor tensor = entry.load();
  const auto* first = reinterpret_cast<const T*>(tensor.data());
  return {first, first + tensor.size()};
}

/// `MatMul:1T`, `Conv:1g4`: one word per usage.
std::string usage(const Entry& entry) {
  std::string text;
  for (const Usage& use : entry.used_by) {
    text += (text.empty() ? "" : " ") + use.op + ":" + std::to_string(use.input) + (use.transposed ? "T" : "");
    if (use.groups != 1) text += "g" + std::to_string(use.groups);
  }
  return text;
}

TEST(Onnx, IsRecognizedByItsTopLevel) {
  const Message good = model(graph({}));
  EXPECT_TRUE(looks_like_onnx(*file_of(good.bytes)));
  EXPECT_TRUE(looks_like_onnx(*file_of(good.text(40, "of a later version").bytes)));
  EXPECT_FALSE(looks_like_onnx(*file_of("")));
  EXPECT_FALSE(looks_like_onnx(*file_of("\x80\x02}q\x01.")));
  EXPECT_FALSE(looks_like_onnx(*file_of(good.bytes + "\x08"))) << "the whole file must be a message";
  EXPECT_FALSE(looks_like_onnx(*file_of(good.bytes.substr(0, good.bytes.size() - 1))));
  EXPECT_FALSE(looks_like_onnx(*file_of(Message{}.integer(1, 8).bytes))) << "no graph";
  EXPECT_FALSE(looks_like_onnx(*file_of(Message{}.child(7, graph({})).bytes))) << "no version";
  EXPECT_FALSE(looks_like_onnx(*file_of(good.integer(2, 1).bytes))) << "producer_name is text";
  EXPECT_FALSE(looks_like_onnx(*file_of(good.integer(1000, 1).bytes)));
  EXPECT_TRUE(looks_like_onnx(*file_of(good.child(7, graph({})).bytes))) << "two graphs, which read_onnx refuses";
}

TEST(Onnx, MapsRawDataWithItsByteRange) {
  const Message bytes = model(graph({}, {floats("w", {2, 3}, {1, 2, 3, 4, 5, 6})}));
  const auto entries = read(bytes);
  ASSERT_EQ(entries.size(), 1U);
  const Entry& w = entries.front();
  EXPECT_EQ(w.name, "w");
  EXPECT_EQ(w.dtype, DType::f32);
  EXPECT_EQ(w.shape, (Dimensions{2, 3}));
  EXPECT_EQ(w.provenance, "initializer");
  EXPECT_EQ(elements<float>(w), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(w.bytes);
  EXPECT_EQ(w.bytes->file, "m.onnx");
  EXPECT_EQ(w.bytes->length, 24U);
  EXPECT_EQ(bytes.bytes.substr(w.bytes->offset, 24), raw(std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(Onnx, DecodesTypedFieldsOfEveryWidth) {
  const std::string double_data = raw(std::vector<double>{1.5, -2});
  const auto entries = read(model(
      graph({}, {tensor_head("float", kFloat, {2}).fixed32(4, 1.5F).fixed32(4, -2),
                 tensor_head("double", kDouble, {2}).text(10, double_data),
                 packed_tensor("f16", kFloat16, {2}, 5, {0x3c00, 0xc000}),
                 packed_tensor("bf16", kBfloat16, {2}, 5, {0x3f80, 0xc000}),
                 packed_tensor("i8", kInt8, {2}, 5, {-128, 127}), packed_tensor("u8", kUint8, {2}, 5, {0, 255}),
                 packed_tensor("i16", kInt16, {1}, 5, {-32768}), packed_tensor("i32", kInt32, {2}, 5, {-1, 0x7fffffff}),
                 packed_tensor("bool", kBool, {2}, 5, {0, 1}), packed_tensor("i64", kInt64, {2}, 7, {-1, 5}),
                 packed_tensor("u64", kUint64, {1}, 11, {-1}), packed_tensor("u32", kUint32, {1}, 11, {0xffffffff})})));
  EXPECT_EQ(elements<float>(entry_of(entries, "float")), (std::vector<float>{1.5F, -2}));
  EXPECT_EQ(elements<double>(entry_of(entries, "double")), (std::vector<double>{1.5, -2}));
  const std::int64_t first[] = {0}, second[] = {1};
  EXPECT_EQ(entry_of(entries, "f16").load().at(first), 1);
  EXPECT_EQ(entry_of(entries, "f16").load().at(second), -2);
  EXPECT_EQ(entry_of(entries, "bf16").load().at(first), 1);
  EXPECT_EQ(entry_of(entries, "bf16").load().at(second), -2);
  EXPECT_EQ(elements<std::int8_t>(entry_of(entries, "i8")), (std::vector<std::int8_t>{-128, 127}));
  EXPECT_EQ(elements<std::uint8_t>(entry_of(entries, "u8")), (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(elements<std::int16_t>(entry_of(entries, "i16")), (std::vector<std::int16_t>{-32768}));
  EXPECT_EQ(elements<std::int32_t>(entry_of(entries, "i32")), (std::vector<std::int32_t>{-1, 0x7fffffff}));
  EXPECT_EQ(elements<std::uint8_t>(entry_of(entries, "bool")), (std::vector<std::uint8_t>{0, 1}));
  EXPECT_EQ(elements<std::int64_t>(entry_of(entries, "i64")), (std::vector<std::int64_t>{-1, 5}));
  EXPECT_EQ(elements<std::uint64_t>(entry_of(entries, "u64")), (std::vector<std::uint64_t>{~std::uint64_t{0}}));
  EXPECT_EQ(elements<std::uint32_t>(entry_of(entries, "u32")), (std::vector<std::uint32_t>{0xffffffff}));
  for (const Entry& entry : entries) EXPECT_FALSE(entry.bytes) << entry.name;
}

TEST(Onnx, FindsEmptyAndScalarTensors) {
  const auto entries = read(
      model(graph({}, {tensor_head("none", kFloat, {0, 4}), floats("empty", {3, 0}, {}), floats("one", {}, {7})})));
  EXPECT_EQ(entry_of(entries, "none").load().size(), 0);
  EXPECT_EQ(entry_of(entries, "empty").load().size(), 0);
  EXPECT_EQ(elements<float>(entry_of(entries, "one")), (std::vector<float>{7}));
}

TEST(Onnx, NamesConstantsByTheirOutput) {
  const Message list = Message{}.text(1, "value_floats").fixed32(7, 1).fixed32(7, 2).integer(20, 6);
  const Message number = Message{}.text(1, "value_int").integer(3, -4).integer(20, 2);
  const auto entries = read(model(
      graph({constant("w", floats("ignored", {2}, {1, 2}), "/decoder/Constant_3"),
             node("Constant", {}, {"list"}) + Message{}.child(5, list),
             node("Constant", {}, {"number"}) + Message{}.child(5, number),
             node("ConstantOfShape", {"s"}, {"filled"}, "fill") + tensor_attribute("value", floats("", {1}, {3}))})));
  EXPECT_EQ(entry_of(entries, "w").provenance, "Constant node '/decoder/Constant_3'");
  EXPECT_EQ(elements<float>(entry_of(entries, "w")), (std::vector<float>{1, 2}));
  EXPECT_EQ(entry_of(entries, "list").shape, (Dimensions{2}));
  EXPECT_EQ(elements<float>(entry_of(entries, "list")), (std::vector<float>{1, 2}));
  EXPECT_EQ(elements<std::int64_t>(entry_of(entries, "number")), (std::vector<std::int64_t>{-4}));
  EXPECT_EQ(entry_of(entries, "fill.value").provenance, "attribute 'value' of ConstantOfShape 'fill'");
}

TEST(Onnx, FindsTensorsInGraphsAtAnyDepth) {
  const Message deep = graph({constant("w", floats("", {1}, {3}), "x")});
  const Message branch = graph({node("Loop", {"n", "c"}, {}, "/loop") + graph_attribute("body", deep)});
  const Message other = graph({}, {floats("w", {1}, {2})});
  const Message function = Message{}.text(1, "Linear").child(7, constant("w", floats("", {1}, {4})));
  const Message training = Message{}.child(1, graph({}, {floats("w", {1}, {5})}));
  const Message main_graph = graph(
      {node("If", {"c"}, {}, "/If") + graph_attribute("then_branch", branch) + graph_attribute("else_branch", other)},
      {floats("w", {1}, {1})});
  const auto entries = read(model(main_graph).child(25, function).child(20, training));
  std::map<std::string, float> values;
  for (const Entry& entry : entries) {
    EXPECT_EQ(entry.name, "w");
    values[entry.provenance] = elements<float>(entry).front();
  }
  const std::map<std::string, float> expected = {
      {"initializer", 1.0F},
      {"graph main / If '/If' else_branch / initializer", 2.0F},
      {"graph main / If '/If' then_branch / Loop '/loop' body / Constant node 'x'", 3.0F},
      {"function 'Linear' / Constant node", 4.0F},
      {"training 0 initialization / initializer", 5.0F}};
  EXPECT_EQ(values, expected);
}

TEST(Onnx, ListsWhatItCannotReadWithAReason) {
  const Message sparse = Message{}.child(1, floats("s", {2}, {1, 2})).integer(3, 4).integer(3, 4);
  const auto entries =
      read(model(graph({}, {tensor_head("text", kString, {1}).text(6, "x"), tensor_head("new", 99, {2}).text(9, "abc"),
                            packed_tensor("nibbles", kInt4, {3}, 5, {0x21, 0x3})})
                     .child(15, sparse)));
  EXPECT_EQ(entry_of(entries, "new").dtype, DType::unknown);
  EXPECT_EQ(entry_of(entries, "new").dtype_name, "onnx type 99");
  EXPECT_EQ(entry_of(entries, "s").shape, (Dimensions{4, 4}));
  EXPECT_EQ(entry_of(entries, "s").provenance, "sparse initializer");
  for (const Entry& entry : entries) {
    EXPECT_FALSE(entry.unreadable.empty()) << entry.name;
    EXPECT_FALSE(entry.load) << entry.name;
  }
}

TEST(Onnx, TellsHowTheGraphUsesEachWeight) {
  const Message w = floats("w", {1, 1}, {1});
  const auto used = [&](const std::vector<Message>& nodes) {
    return usage(entry_of(read(model(graph(nodes, {w}, {"x"}))), "w"));
  };
  EXPECT_EQ(used({node("MatMul", {"x", "w"}, {"y"})}), "MatMul:1");
  EXPECT_EQ(used({node("Gemm", {"x", "w"}, {"y"}) + attribute("transB", 1)}), "Gemm:1T");
  EXPECT_EQ(used({node("Gemm", {"w", "x"}, {"y"}) + attribute("transA", 1) + attribute("transB", 1)}), "Gemm:0T");
  EXPECT_EQ(used({node("Conv", {"x", "w"}, {"y"}) + attribute("group", 4)}), "Conv:1g4");
  EXPECT_EQ(used({node("LSTM", {"x", "r", "w"}, {"y"})}), "LSTM:2");
  EXPECT_EQ(used({node("Gather", {"w", "x"}, {"y"})}), "Gather:0");
  EXPECT_EQ(used({node("Cast", {"w"}, {"a"}), node("Transpose", {"a"}, {"b"}) + attribute("perm", {1, 0}),
                  node("MatMul", {"x", "b"}, {"y"})}),
            "MatMul:1T");
  EXPECT_EQ(used({node("Transpose", {"w"}, {"a"}), node("Gemm", {"x", "a"}, {"y"}) + attribute("transB", 1)}),
            "Gemm:1");
  EXPECT_EQ(used({node("Transpose", {"w"}, {"a"}) + attribute("perm", {3, 2, 0, 1}), node("Conv", {"x", "a"}, {"y"})}),
            "Conv:1");
  EXPECT_EQ(used({node("Concat", {"x", "w"}, {"a"}), node("Reshape", {"a", "s"}, {"b"}), node("LSTM", {"x", "b"}, {}),
                  node("Mul", {"w", "b"}, {"c"})}),
            "Mul:0 LSTM:1 Mul:1");
  EXPECT_EQ(used({node("Identity", {"a"}, {"w2"}), node("Identity", {"w"}, {"y"})}), "");
}

TEST(Onnx, TellsWhereTheAxesOfAWeightGo) {
  const Message w = floats("w", {1, 1, 1}, {1});
  const auto usage_of = [&](const std::vector<Message>& nodes) {
    const auto entries = read(model(graph(nodes, {w}, {"x"})));
    const Entry& entry = entry_of(entries, "w");
    if (entry.used_by.size() != 1) throw std::runtime_error("not one usage");
    return entry.used_by.front();
  };
  using Permutation = std::vector<int>;
  const Message conv = node("Conv", {"x", "a"}, {"y"});
  const auto transpose = [](const char* from, const char* to, const std::vector<std::int64_t>& perm) {
    return node("Transpose", {from}, {to}) + attribute("perm", perm);
  };
  EXPECT_EQ(usage_of({transpose("w", "a", {2, 0, 1}), conv}).permutation, (Permutation{2, 0, 1}));
  EXPECT_EQ(usage_of({transpose("w", "b", {2, 0, 1}), transpose("b", "a", {0, 2, 1}), conv}).permutation,
            (Permutation{2, 1, 0}));
  EXPECT_EQ(usage_of({transpose("w", "b", {2, 0, 1}), transpose("b", "a", {1, 2, 0}), conv}).permutation,
            Permutation{});
  EXPECT_EQ(usage_of({node("Transpose", {"w"}, {"a"}), conv}).permutation, (Permutation{-1}));
  EXPECT_EQ(usage_of({node("Transpose", {"w"}, {"b"}), node("Transpose", {"b"}, {"a"}), conv}).permutation,
            Permutation{});
  EXPECT_EQ(usage_of({node("Transpose", {"w"}, {"b"}), transpose("b", "a", {1, 0, 2}), conv}).permutation,
            (Permutation{1, 2, 0}));
  EXPECT_EQ(usage_of({transpose("w", "b", {1, 0, 2}), node("Transpose", {"b"}, {"a"}), conv}).permutation,
            (Permutation{2, 0, 1}));
  EXPECT_EQ(usage_of({node("Gemm", {"x", "w"}, {"y"}) + attribute("transB", 1)}).permutation, (Permutation{1, 0}));
  EXPECT_FALSE(usage_of({transpose("w", "a", {2, 0, 1}), conv}).reshaped);
  EXPECT_TRUE(usage_of({node("Reshape", {"w", "s"}, {"a"}), conv}).reshaped);
  EXPECT_FALSE(usage_of({node("Reshape", {"w", "s"}, {"a"}), conv}).squeezed);
  EXPECT_TRUE(usage_of({node("Unsqueeze", {"w", "x"}, {"a"}), conv}).squeezed);
  EXPECT_FALSE(usage_of({node("Reshape", {"w", "x"}, {"b"}), node("Unsqueeze", {"b", "x"}, {"a"}), conv}).squeezed);
  EXPECT_FALSE(usage_of({node("Unsqueeze", {"w", "x"}, {"b"}), node("Reshape", {"b", "x"}, {"a"}), conv}).squeezed);
  const Message keras = node("Unsqueeze", {"b", "x"}, {"a"});
  EXPECT_TRUE(usage_of({transpose("w", "b", {1, 0}), keras, conv}).squeezed) << "a matrix";
  EXPECT_EQ(usage_of({transpose("w", "b", {1, 0}), keras, conv}).order, (Permutation{1, 0}));
  EXPECT_FALSE(usage_of({transpose("w", "b", {2, 0, 1}), keras, conv}).squeezed);
  for (const std::vector<std::int64_t>& wrong : {std::vector<std::int64_t>{0, 0, 1}, {0, 1, 3}, {-1, 0, 1}}) {
    EXPECT_TRUE(usage_of({transpose("w", "a", wrong), conv}).reshaped);
  }
  EXPECT_EQ(usage_of({node("Gather", {"w", "x"}, {"y"}) + attribute("axis", 1)}).axis, 1);
  const auto entries =
      read(model(graph({node("Gather", {"w", "i"}, {"a"}), node("MatMul", {"x", "a"}, {"y"})}, {w}, {"x", "i"})));
  const auto& uses = entry_of(entries, "w").used_by;
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].op, "Gather");
  EXPECT_FALSE(uses[0].gathered);
  EXPECT_EQ(uses[1].op, "MatMul");
  EXPECT_TRUE(uses[1].gathered);
  const Message equation = Message{}.child(5, Message{}.text(1, "equation").text(4, "bi,io->bo").integer(20, 3));
  EXPECT_EQ(usage_of({node("Einsum", {"x", "w"}, {"y"}) + equation}).equation, "bi,io->bo");
}

TEST(Onnx, KnowsTheShapesThatConstantsGiveWeights) {
  const Message w = floats("w", {6, 4, 5}, std::vector<float>(120, 1));
  const Message product = node("MatMul", {"x", "a"}, {"y"});
  const auto list = [](const std::vector<std::int64_t>& values) {
    return raw_tensor("s", kInt64, {static_cast<std::int64_t>(values.size())}, values);
  };
  const auto usage_of = [&](const std::vector<Message>& nodes, const Message& s) {
    const auto entries = read(model(graph(nodes, {w, s}, {"x"})));
    const Entry& entry = entry_of(entries, "w");
    if (entry.used_by.size() != 1) throw std::runtime_error("not one usage");
    return entry.used_by.front();
  };
  const auto transposed = [](const char* from, const char* to, const std::vector<std::int64_t>& perm) {
    return node("Transpose", {from}, {to}) + attribute("perm", perm);
  };
  const Message reshape = node("Reshape", {"w", "s"}, {"a"});
  for (const std::vector<std::int64_t>& target : {std::vector<std::int64_t>{6, 20}, {6, -1}, {0, -1}, {-1, 20}}) {
    const Usage usage = usage_of({reshape, product}, list(target));
    EXPECT_TRUE(usage.reshaped);
    EXPECT_EQ(usage.view, (Dimensions{6, 20}));
  }
  EXPECT_EQ(usage_of({reshape, product}, packed_tensor("s", kInt64, {2}, 7, {24, 5})).view, (Dimensions{24, 5}));
  // A target shape that is not valid, or is not known.
  for (const std::vector<std::int64_t>& target :
       {std::vector<std::int64_t>{6, 21}, {-1, -1}, {6, -2}, {7, -1}, {0, 0, 0, 0}, {}}) {
    const Usage usage = usage_of({reshape, product}, list(target));
    EXPECT_TRUE(usage.reshaped);
    EXPECT_TRUE(usage.view.empty()) << to_string(target);
  }
  EXPECT_TRUE(usage_of({node("Reshape", {"w", "x"}, {"a"}), product}, list({6, 20})).view.empty());
  // Several nodes in a row: the axes of a value that is transposed after the reshape are counted; before the reshape
  // nothing is known.
  const Usage turned =
      usage_of({node("Reshape", {"w", "s"}, {"b"}), transposed("b", "a", {1, 0}), product}, list({24, 5}));
  EXPECT_EQ(turned.view, (Dimensions{24, 5}));
  EXPECT_EQ(turned.permutation, (std::vector<int>{1, 0}));
  const Usage before =
      usage_of({transposed("w", "b", {1, 0, 2}), node("Reshape", {"b", "s"}, {"a"}), product}, list({24, 5}));
  EXPECT_EQ(before.view, (Dimensions{24, 5}));
  EXPECT_EQ(before.order, (std::vector<int>{1, 0, 2}));
  const Usage reversed =
      usage_of({node("Transpose", {"w"}, {"b"}), node("Reshape", {"b", "s"}, {"a"}), product}, list({20, 6}));
  EXPECT_EQ(reversed.order, (std::vector<int>{-1}));
  // Two reshapes with a transposition in between.
  EXPECT_TRUE(usage_of({node("Flatten", {"w"}, {"c"}), transposed("c", "b", {1, 0}), node("Reshape", {"b", "s"}, {"a"}),
                        product},
                       list({24, 5}))
                  .view.empty());
  EXPECT_EQ(usage_of({node("Identity", {"w"}, {"b"}), node("Cast", {"b"}, {"c"}), node("Reshape", {"c", "s"}, {"a"}),
                      product},
                     list({6, 20}))
                .view,
            (Dimensions{6, 20}));
  EXPECT_EQ(usage_of({node("Unsqueeze", {"w", "s"}, {"a"}), product}, list({0, -1})).view, (Dimensions{1, 6, 4, 5, 1}));
  EXPECT_EQ(usage_of({node("Unsqueeze", {"w"}, {"b"}) + attribute("axes", std::vector<std::int64_t>{1}),
                      node("Squeeze", {"b", "s"}, {"a"}), product},
                     list({1}))
                .view,
            (Dimensions{6, 4, 5}));
  EXPECT_EQ(usage_of({node("Flatten", {"w"}, {"a"}) + attribute("axis", 2), product}, list({1})).view,
            (Dimensions{24, 5}));
}

/// `Mul:0 MatMul:1(Mul)`: what is computed from the weight has the operator in parentheses.
std::string computed_usage(const Entry& entry) {
  std::string text;
  for (const Usage& use : entry.used_by) {
    text += (text.empty() ? "" : " ") + use.op + ":" + std::to_string(use.input);
    if (!use.computed_by.empty()) text += "(" + use.computed_by + ")";
  }
  return text;
}

TEST(Onnx, TellsWhatTheGraphComputesFromAWeight) {
  const Message w = floats("w", {2, 2}, {1, 2, 3, 4}), s = floats("s", {2, 1}, {1, 2});
  const Message i = raw_tensor("i", kInt64, {2}, std::vector<std::int64_t>{1, 0});
  const auto used = [&](const std::vector<Message>& nodes, std::string_view name = "w") {
    return computed_usage(entry_of(read(model(graph(nodes, {w, s, i}, {"x"}))), name));
  };
  const Message product = node("MatMul", {"x", "a"}, {"y"});
  EXPECT_EQ(used({node("Mul", {"w", "s"}, {"a"}), product}), "Mul:0 MatMul:1(Mul)");
  EXPECT_EQ(used({node("Mul", {"w", "s"}, {"a"}), product}, "s"), "Mul:1 MatMul:1(Mul)");
  EXPECT_EQ(used({node("Softmax", {"w"}, {"a"}), product}), "Softmax:0 MatMul:1(Softmax)");
  EXPECT_EQ(
      used({node("Cast", {"w"}, {"b"}), node("Div", {"b", "s"}, {"c"}), node("Transpose", {"c"}, {"a"}), product}),
      "Div:0 MatMul:1(Div)");
  EXPECT_EQ(used({node("Mul", {"w", "s"}, {"b"}), node("Tanh", {"b"}, {"a"}), product}),
            "Mul:0 Tanh:0(Mul) MatMul:1(Mul)")
      << "the operator that takes the weight";
  EXPECT_EQ(used({node("Gather", {"w", "i"}, {"a"}), product}), "Gather:0 MatMul:1(Gather)");
  EXPECT_EQ(used({node("Gather", {"w", "i"}, {"a"}), product}, "i"), "Gather:1") << "an index gives no numbers";
  EXPECT_EQ(used({node("Shape", {"w"}, {"b"}), node("Reshape", {"x", "b"}, {"a"}), product}), "Shape:0");
  // What is made of activations is one.
  EXPECT_EQ(used({node("Mul", {"x", "w"}, {"a"}), product}), "Mul:1");
  EXPECT_EQ(used({node("Mul", {"x", "w"}, {"a"}), node("Conv", {"x", "a"}, {"y"})}), "Mul:1 Conv:1(Mul)")
      << "except for an input that takes weights alone";
  EXPECT_EQ(used({node("Mul", {"x", "w"}, {"a"}), node("Conv", {"a", "s"}, {"y"})}), "Mul:1");
  EXPECT_EQ(used({node("RandomNormalLike", {"w"}, {"b"}), node("MatMul", {"x", "b"}, {"y"})}), "RandomNormalLike:0");
}

TEST(Onnx, TellsWhatFunctionsComputeFromAWeight) {
  const Message function = Message{}
                               .text(1, "Scale")
                               .text(10, "local")
                               .text(4, "a")
                               .text(4, "b")
                               .text(5, "c")
                               .child(7, node("Mul", {"a", "b"}, {"c"}));
  const auto used = [&](const Names& inputs, const std::vector<Message>& more = {}) {
    std::vector<Message> nodes = {node("Scale", inputs, {"d"}).text(7, "local"), node("MatMul", {"x", "d"}, {"y"})};
    nodes.insert(nodes.end(), more.begin(), more.end());
    const Message main_graph = graph(nodes, {floats("w", {1, 1}, {1}), floats("s", {1, 1}, {2})}, {"x"});
    return computed_usage(entry_of(read(model(main_graph).child(25, function)), "w"));
  };
  EXPECT_EQ(used({"w", "s"}), "Mul:0 MatMul:1(Mul)");
  EXPECT_EQ(used({"w", "x"}), "Mul:0");
  EXPECT_EQ(used({"w", "s"}, {node("Scale", {"x", "s"}, {"e"}).text(7, "local")}), "Mul:0")
      << "another call gives an activation";
}

TEST(Onnx, FollowsWeightsThroughInnerGraphsAndFunctions) {
  const Message shadowed = graph({node("Conv", {"x", "w"}, {"z"})}, {floats("w", {1}, {2})}, {}, {"z"});
  const Message outer = graph({node("MatMul", {"x", "w"}, {"z"})}, {}, {}, {"w"});
  const Message body = graph({node("Gather", {"carried", "i"}, {"z"})}, {}, {"i", "c", "carried"}, {"c", "carried"});
  const Message call = node("Linear", {"x", "w"}, {"z3"}).text(7, "local");
  const Message function = Message{}
                               .text(1, "Linear")
                               .text(10, "local")
                               .text(4, "a")
                               .text(4, "b")
                               .child(7, node("Gemm", {"a", "b"}, {"c"}) + attribute("transB", 1));
  const Message main_graph = graph(
      {node("If", {"c"}, {"chosen"}, "if") + graph_attribute("then_branch", outer) +
           graph_attribute("else_branch", shadowed),
       node("Add", {"chosen", "x"}, {"y"}), node("Loop", {"n", "c", "w"}, {"last"}) + graph_attribute("body", body),
       node("Mul", {"last", "x"}, {"y2"}), call},
      {floats("w", {1}, {1})}, {"x", "c", "n"});
  std::map<std::string, std::string> usages;
  for (const Entry& entry : read(model(main_graph).child(25, function))) usages[entry.provenance] = usage(entry);
  EXPECT_EQ(usages["graph main / If 'if' else_branch / initializer"], "Conv:1");
  for (const char* one : {"MatMul:1", "Add:0", "Gather:0", "Mul:0", "Gemm:1T"}) {
    EXPECT_TRUE(contains(usages["initializer"], one));
  }
}

TEST(Onnx, FollowsCyclesAndLaddersWithoutEnd) {
  std::vector<Message> nodes = {node("Concat", {"w", "b"}, {"a"}), node("Identity", {"a"}, {"b"}),
                                node("Transpose", {"c"}, {"c"}), node("Identity", {"d"}, {"d"})};
  // Each rung doubles the number of paths.
  for (int i = 0; i < 200; ++i) {
    const std::string from = i == 0 ? "b" : "n" + std::to_string(i - 1);
    nodes.push_back(node("Concat", {from, from}, {"n" + std::to_string(i)}));
  }
  for (int i = 0; i < 100; ++i) nodes.push_back(node("Op" + std::to_string(i), {"n199"}, {}));
  const auto entries = read(model(graph(nodes, {floats("w", {1}, {1})})));
  EXPECT_EQ(entries.front().used_by.size(), 16U);
}

}  // namespace
}  // namespace sigmax::io
