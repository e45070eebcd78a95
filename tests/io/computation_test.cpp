#include "sigmax/io/computation.hpp"

#include <gtest/gtest.h>

#include <set>

#include "io/onnx_bytes.hpp"
#include "sigmax/io/computation/expansion.hpp"

namespace sigmax::io {
namespace {

using namespace testing;

Computation read(const Message& message) { return expanded_computation(file_of(message.bytes, "m.onnx")); }

std::string read_refusal(const Message& message) {
  return refusal([&] { read(message); });
}

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.size()));
  std::memcpy(values.data(), tensor.data(), values.size() * sizeof(float));
  return values;
}

std::vector<std::int64_t> integers_of(const Tensor& tensor) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(tensor.size()));
  std::memcpy(values.data(), tensor.data(), values.size() * sizeof(std::int64_t));
  return values;
}

const ComputationConstant& constant_named(const Computation& computation, const std::string& name) {
  for (const auto& each : computation.constants) {
    if (each.name == name) return each;
  }
  throw std::out_of_range(name);
}

/// Each name that a graph or a graph inside it defines.
void add_names(const Computation& computation, std::multiset<std::string>& names) {
  for (const auto& each : computation.inputs) names.insert(each.name);
  for (const auto& each : computation.constants) names.insert(each.name);
  for (const auto& each : computation.nodes) {
    for (const auto& output : each.outputs) {
      if (!output.empty()) names.insert(output);
    }
    for (const auto& attribute : each.attributes) {
      if (const auto* inner = std::get_if<std::shared_ptr<const Computation>>(&attribute.value)) {
        add_names(**inner, names);
      }
    }
  }
}

void expect_unique_names(const Computation& computation) {
  std::multiset<std::string> names;
  add_names(computation, names);
  for (const auto& name : names) EXPECT_EQ(names.count(name), 1U) << name;
}

TEST(Computation, ListsWhatTheMainGraphStates) {
  const Computation computation =
      read(model(typed_graph(
               {node("Conv", {"x", "w"}, {"y"}, "conv1") + attribute("pads", std::vector<std::int64_t>{1, 2}) +
                number_attribute("f", 0.1F) + text_attribute("auto_pad", "NOTSET") + attribute("group", 3)},
               {floats("w", {2}, {1, 2})},
               {value_info("x", {"batch", std::int64_t{3}, "", std::int64_t{-1}}), value_info("w", {std::int64_t{2}})},
               {value_info("y", {})})) +
           opset(17));
  EXPECT_EQ(computation.opset, 17);
  ASSERT_EQ(computation.inputs.size(), 1U) << "an initializer is not an input";
  const ComputationValue& input = computation.inputs[0];
  EXPECT_EQ(input.name, "x");
  EXPECT_EQ(input.dtype, "f32");
  EXPECT_TRUE(input.has_shape);
  EXPECT_EQ(input.shape, (std::vector<SymbolicExtent>{"batch", std::int64_t{3}, "", ""}));
  ASSERT_EQ(computation.outputs.size(), 1U);
  EXPECT_EQ(computation.outputs[0].name, "y");
  EXPECT_TRUE(computation.outputs[0].has_shape);
  ASSERT_EQ(computation.nodes.size(), 1U);
  const ComputationNode& conv = computation.nodes[0];
  EXPECT_EQ(conv.title(), "Conv 'conv1'");
  EXPECT_EQ(conv.inputs, (Names{"x", "w"}));
  ASSERT_NE(conv.find<std::vector<std::int64_t>>("pads"), nullptr);
  EXPECT_EQ(*conv.find<std::vector<std::int64_t>>("pads"), (std::vector<std::int64_t>{1, 2}));
  ASSERT_NE(conv.find<double>("f"), nullptr);
  EXPECT_EQ(*conv.find<double>("f"), static_cast<double>(0.1F));
  EXPECT_EQ(conv.find<std::int64_t>("f"), nullptr);
  ASSERT_NE(conv.find<std::string>("auto_pad"), nullptr);
  EXPECT_EQ(*conv.find<std::int64_t>("group"), 3);
  EXPECT_EQ(floats_of(constant_named(computation, "w").load()), (std::vector<float>{1, 2}));
}

TEST(Computation, TakesConstantNodesInEachForm) {
  const Message numbers =
      Message{}.child(5, Message{}.text(1, "value_floats").fixed32(7, 1.5F).fixed32(7, -2).integer(20, 6));
  const Computation computation = read(model(graph(
      {constant("a", floats("", {2}, {3, 4})), node("Constant", {}, {"b"}) + number_attribute("value_float", 2.5F),
       node("Constant", {}, {"c"}) + numbers, node("Constant", {}, {"d"}) + attribute("value_int", -7),
       node("Constant", {}, {"e"}) + attribute("value_ints", std::vector<std::int64_t>{5, 6}),
       node("Constant", {}, {"s"}) + text_attribute("value_string", "text"), node("Constant", {}, {"none"})})));
  EXPECT_TRUE(computation.nodes.empty());
  EXPECT_EQ(floats_of(constant_named(computation, "a").load()), (std::vector<float>{3, 4}));
  EXPECT_EQ(floats_of(constant_named(computation, "b").load()), (std::vector<float>{2.5F}));
  EXPECT_EQ(constant_named(computation, "b").shape, Dimensions{});
  EXPECT_EQ(floats_of(constant_named(computation, "c").load()), (std::vector<float>{1.5F, -2}));
  EXPECT_EQ(integers_of(constant_named(computation, "d").load()), (std::vector<std::int64_t>{-7}));
  EXPECT_EQ(integers_of(constant_named(computation, "e").load()), (std::vector<std::int64_t>{5, 6}));
  EXPECT_FALSE(constant_named(computation, "s").unreadable.empty());
  EXPECT_FALSE(constant_named(computation, "none").unreadable.empty());
}

// y = f(f(x)), f(x) = t + c with t = Relu(x), in which `t` is also a name of the main graph.
TEST(Computation, PutsBodiesInThePlaceOfCalls) {
  const Message body = function(
      "f", {"x"}, {"y"},
      {node("Relu", {"x"}, {"t"}, "relu"), constant("c", floats("", {}, {1})), node("Add", {"t", "c"}, {"y"}, "add")});
  const Computation computation = read(
      model(graph({call("f", {"x"}, {"t"}, "first"), call("f", {"t"}, {"out"})}, {}, {"x"}, {"out"})).child(25, body));
  ASSERT_EQ(computation.nodes.size(), 4U);
  EXPECT_EQ(computation.nodes[0].name, "first/relu");
  EXPECT_EQ(computation.nodes[0].inputs, Names{"x"});
  EXPECT_EQ(computation.nodes[1].inputs[0], computation.nodes[0].outputs[0]);
  EXPECT_EQ(computation.nodes[1].outputs, Names{"t"});
  EXPECT_EQ(computation.nodes[2].inputs, Names{"t"});
  EXPECT_EQ(computation.nodes[3].outputs, Names{"out"});
  EXPECT_EQ(computation.outputs[0].name, "out");
  EXPECT_EQ(computation.constants.size(), 2U);
  expect_unique_names(computation);
}

TEST(Computation, HandsInputsOfAFunctionThroughToItsOutputs) {
  const Message body =
      function("f", {"a", "b"}, {"b", "y", "y2"}, {node("Relu", {"a"}, {"y"}), node("Neg", {"y"}, {"y2"})});
  const Computation computation =
      read(model(graph({call("f", {"x", ""}, {"", "p", "q"}), call("f", {"p", "q"}, {"r"})}, {}, {"x"}, {"r"}))
               .child(25, body));
  ASSERT_EQ(computation.nodes.size(), 5U);
  EXPECT_EQ(computation.nodes[4].op, "Identity");
  EXPECT_EQ(computation.nodes[4].inputs, Names{"q"});
  EXPECT_EQ(computation.nodes[4].outputs, Names{"r"});
  expect_unique_names(computation);
}

TEST(Computation, GivesAttributesOfTheCallToTheBody) {
  const Message defaults = Message{}.child(11, Message{}.text(1, "axis").integer(3, 4).integer(20, 2));
  const Message body = function("f", {"x"}, {"y"},
                                {node("Softmax", {"x"}, {"s"}) + attribute_reference("axis", "axis", 2) +
                                     attribute_reference("absent", "absent", 2),
                                 node("Constant", {}, {"c"}) + attribute_reference("value_float", "c", 1),
                                 node("Add", {"s", "c"}, {"y"})}) +
                       defaults;
  const Computation computation =
      read(model(graph({call("f", {"x"}, {"t"}) + number_attribute("c", 0.5F),
                        call("f", {"t"}, {"y"}) + number_attribute("c", 2) + attribute("axis", 1)},
                       {}, {"x"}, {"y"}))
               .child(25, body));
  ASSERT_EQ(computation.nodes.size(), 4U);
  EXPECT_EQ(*computation.nodes[0].find<std::int64_t>("axis"), 4);
  EXPECT_EQ(*computation.nodes[2].find<std::int64_t>("axis"), 1);
  EXPECT_EQ(computation.nodes[0].attributes.size(), 1U);
  ASSERT_EQ(computation.constants.size(), 2U);
  EXPECT_EQ(floats_of(computation.constants[0].load()), std::vector<float>{0.5F});
  EXPECT_EQ(floats_of(computation.constants[1].load()), std::vector<float>{2});
  EXPECT_EQ(computation.nodes[3].inputs[1], computation.constants[1].name);
}

// Both branches define `z`, which the main graph defines later, and one reads a value around it.
TEST(Computation, NestsBranchesWithNamesOfTheirOwn) {
  const Message then_graph = graph({node("Neg", {"x"}, {"z"})}, {}, {}, {"z"});
  const Message else_graph = graph({node("Add", {"x", "one"}, {"z"})}, {floats("one", {}, {1})}, {}, {"z"});
  const Computation computation =
      read(model(graph({node("If", {"condition"}, {"y"}) + graph_attribute("then_branch", then_graph) +
                            graph_attribute("else_branch", else_graph),
                        node("Relu", {"y"}, {"z"})},
                       {}, {"x", "condition"}, {"z"})));
  expect_unique_names(computation);
  ASSERT_EQ(computation.nodes.size(), 2U);
  using Inner = std::shared_ptr<const Computation>;
  const Inner* taken = computation.nodes[0].find<Inner>("else_branch");
  ASSERT_NE(taken, nullptr);
  ASSERT_EQ((*taken)->nodes.size(), 1U);
  EXPECT_EQ((*taken)->nodes[0].inputs, (Names{"x", (*taken)->constants[0].name}));
  EXPECT_EQ((*taken)->outputs[0].name, (*taken)->nodes[0].outputs[0]);
  EXPECT_EQ(computation.nodes[1].outputs, Names{"z"}) << "names of the main graph stay";
}

TEST(Computation, RefusesFunctionsWithoutEnd) {
  const Message recursive = function("f", {"x"}, {"y"}, {call("f", {"x"}, {"y"})});
  EXPECT_NE(read_refusal(model(graph({call("f", {"x"}, {"y"})}, {}, {"x"}, {"y"})).child(25, recursive))
                .find("functions call functions deeper than 64 levels"),
            std::string::npos);

  // Each level calls the next one twice: 2^40 nodes.
  Message doubling = model(graph({call("f0", {"x"}, {"y"})}, {}, {"x"}, {"y"}));
  for (int level = 0; level < 40; ++level) {
    const std::string next = "f" + std::to_string(level + 1);
    doubling = doubling.child(
        25, function("f" + std::to_string(level), {"x"}, {"y"}, {call(next, {"x"}, {"t"}), call(next, {"t"}, {"y"})}));
  }
  doubling = doubling.child(25, function("f40", {"x"}, {"y"}, {node("Relu", {"x"}, {"y"})}));
  EXPECT_NE(read_refusal(doubling).find("the bodies of functions, once for each call, are more than"),
            std::string::npos);
}

TEST(Computation, RefusesNamesThatMeanNothingOrTwoThings) {
  EXPECT_NE(read_refusal(model(graph({node("Relu", {"z"}, {"y"}, "r")}, {}, {"x"}, {"y"})))
                .find("Relu 'r': nothing before it defines 'z'"),
            std::string::npos);
  EXPECT_NE(read_refusal(model(graph({node("Relu", {"y"}, {"z"}), node("Relu", {"x"}, {"y"})}, {}, {"x"}, {"z"})))
                .find("nothing before it defines 'y'"),
            std::string::npos);
  EXPECT_NE(read_refusal(model(graph({node("Relu", {"x"}, {"y"}), node("Relu", {"x"}, {"y"})}, {}, {"x"}, {"y"})))
                .find("'y' is defined twice"),
            std::string::npos);
  EXPECT_NE(read_refusal(model(graph({}, {}, {"x"}, {"y"}))).find("nothing before it defines 'y'"), std::string::npos);
  const Message twice = function("f", {"x"}, {"y"}, {node("Relu", {"x"}, {"y"})});
  EXPECT_NE(read_refusal(model(graph({call("f", {"x"}, {"y"})}, {}, {"x"}, {"y"})).child(25, twice).child(25, twice))
                .find("several functions"),
            std::string::npos);
  EXPECT_NE(
      read_refusal(model(graph({call("f", {"x", "x"}, {"y"})}, {}, {"x"}, {"y"})).child(25, twice)).find("2 inputs"),
      std::string::npos);
}

TEST(Computation, ReadsOnlyOnnx) {
  const TempFolder folder;
  const std::filesystem::path path = folder.path() / "text.onnx";
  std::ofstream(path) << "not a model";
  EXPECT_NE(refusal([&] { read_computation(path); }).find("not an ONNX model"), std::string::npos);
}

}  // namespace
}  // namespace sigmax::io
