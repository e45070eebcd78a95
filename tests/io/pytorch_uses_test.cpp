// How modules, TorchScript's code and the graph of torch.export use their tensors.
#include "sigmax/io/pytorch/pytorch_uses.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/pytorch_programs.hpp"

namespace sigmax::io {
namespace {

using namespace testing;

// `ConvTranspose/2`, with a ? for an unknown number of groups; "-" if nothing is known.
std::string told(const std::vector<Usage>& uses) {
  std::string text;
  for (const Usage& use : uses) {
    text += (text.empty() ? "" : " ") + use.op;
    if (use.op.starts_with("Conv")) text += use.groups == 0 ? "/?" : fmt::format("/{}", use.groups);
    if (use.op == "MatMul") text += fmt::format(":{}", use.input);
  }
  return text.empty() ? "-" : text;
}

// A module of one class with a weight of that shape and settings in turn, pickled whole.
std::vector<Usage> in_module(const std::string& type, const std::vector<std::int64_t>& shape,
                             std::vector<std::string> settings, const std::string& attribute = "weight") {
  std::vector<std::string> state = {pk::str("_parameters"), pk::dict({pk::str(attribute), parameter("0", shape)}),
                                    pk::str("_buffers"),    pk::dict({}),
                                    pk::str("_modules"),    pk::dict({})};
  state.insert(state.end(), settings.begin(), settings.end());
  const std::string layer = pk::object("torch.nn.modules.x", type, pk::dict(state));
  const std::string net = pk::object(
      "model", "Net",
      pk::dict({pk::str("_parameters"), pk::dict({}), pk::str("_modules"), pk::dict({pk::str("0"), layer})}));
  const auto entries = read_archive({{"r/data.pkl", pk::whole(net)}, {"r/data/0", zeros_of(shape)}});
  EXPECT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].name, "0." + attribute);
  return entries[0].used_by;
}

std::vector<std::string> convolution(std::int64_t in, std::int64_t out, std::int64_t groups, bool transposed) {
  return {pk::str("in_channels"),  pk::num(in),
          pk::str("out_channels"), pk::num(out),
          pk::str("kernel_size"),  pk::ints({3}),
          pk::str("groups"),       pk::num(groups),
          pk::str("transposed"),   transposed ? "\x88" : "\x89"};
}

TEST(PytorchModules, TheirSettingsSayWhatTheirWeightIs) {
  EXPECT_EQ(told(in_module("Conv2d", {4, 2, 3, 3}, convolution(4, 4, 2, false))), "Conv/2");
  EXPECT_EQ(told(in_module("Conv1d", {6, 1, 3}, convolution(6, 6, 6, false))), "Conv/6") << "depthwise";
  EXPECT_EQ(told(in_module("MyConv", {4, 8, 3, 3}, convolution(8, 4, 1, false))), "Conv/1") << "a derived class";
  EXPECT_EQ(told(in_module("ConvTranspose2d", {4, 3, 2, 2}, convolution(4, 6, 2, true))), "ConvTranspose/2");
  EXPECT_EQ(told(in_module("ConvTranspose3d", {4, 4, 2, 2, 2}, convolution(4, 4, 1, true))), "ConvTranspose/1");
  EXPECT_EQ(told(in_module("Conv2d", {4, 2, 3, 3}, convolution(4, 4, 2, false), "weight_orig")), "Conv/2") << "pruned";
  EXPECT_EQ(told(in_module("Conv2d", {4, 2, 3, 3}, convolution(8, 4, 2, false))), "Conv/?") << "channels that disagree";
  EXPECT_EQ(told(in_module("Conv2d", {3, 2, 3, 3}, convolution(8, 4, 1, false))), "Conv/1") << "channels were removed";
  EXPECT_EQ(told(in_module("Bilinear", {4, 3, 3},
                           {pk::str("in1_features"), pk::num(3), pk::str("in2_features"), pk::num(3),
                            pk::str("out_features"), pk::num(4)})),
            "Bilinear");
  EXPECT_EQ(told(in_module("Embedding", {9, 3},
                           {pk::str("num_embeddings"), pk::num(9), pk::str("embedding_dim"), pk::num(3)})),
            "Gather");
  EXPECT_EQ(told(in_module("Conv1D", {3, 9}, {pk::str("nf"), pk::num(9)})), "MatMul:1");
  EXPECT_EQ(told(in_module("Linear", {3, 9}, {pk::str("in_features"), pk::num(9)})), "-");
  EXPECT_EQ(told(in_module("Other", {4, 2, 3}, {pk::str("groups"), pk::num(2)})), "-");
  EXPECT_TRUE(in_module("Conv2d", {4, 2, 3, 3}, convolution(4, 4, 2, false))[0].declared);
}

// spectral_norm and pruning leave the result as a plain attribute, next to the parameter that they made it of.
TEST(PytorchModules, AWeightThatIsAPlainAttributeIsOneToo) {
  std::vector<std::string> state = {
      pk::str("_parameters"), pk::dict({pk::str("weight_orig"), parameter("0", {4, 2, 3})}),
      pk::str("_modules"),    pk::dict({}),
      pk::str("weight"),      parameter("1", {4, 2, 3})};
  for (std::string& setting : convolution(4, 4, 2, false)) state.push_back(std::move(setting));
  const std::string zeros = raw(std::vector<float>(24));
  const auto entries =
      read_archive({{"r/data.pkl", pk::whole(pk::object("torch.nn.modules.conv", "Conv1d", pk::dict(state)))},
                    {"r/data/0", zeros},
                    {"r/data/1", zeros}});
  ASSERT_EQ(entries.size(), 2U);
  for (const Entry& entry : entries) EXPECT_EQ(told(entry.used_by), "Conv/2") << entry.name;
}

constexpr const char* kConv = R"(class Conv2d(Module):
  __parameters__ = ["weight", "bias", ]
  weight : Tensor
  transposed : bool
  groups : Final[int] = 2
  def forward(self: __torch__.torch.nn.modules.conv.Conv2d,
    input: Tensor) -> Tensor:
    weight = self.weight
    bias = self.bias
    return (self)._conv_forward(input, weight, bias, )
  def _conv_forward(self: __torch__.torch.nn.modules.conv.Conv2d,
    input: Tensor,
    weight: Tensor,
    bias: Optional[Tensor]) -> Tensor:
    _1 = torch.conv2d(input, weight, bias, [1, 1], [0, 0], [1, 1], 2)
    return _1
)";

std::string of(const ProgramUses& uses, const std::string& holder, const std::string& attribute,
               const Dimensions& shape = {4, 2, 3, 3}) {
  return told(uses.of(holder, attribute, shape));
}

TEST(TorchScriptCode, WeightsAreFollowedThroughMethodsAndNames) {
  const ProgramUses uses = program({{"/torch/nn/modules/conv", kConv}});
  EXPECT_EQ(of(uses, "__torch__.torch.nn.modules.conv.Conv2d", "weight"), "Conv/2");
  EXPECT_FALSE(uses.has_others);
  EXPECT_EQ(of(uses, "__torch__.Net", "table"), "Unknown") << "not what its shape looks like";
  EXPECT_EQ(of(uses, "__torch__.Net", "matrix", {4, 4}), "-");
}

TEST(TorchScriptCode, OperatorsAndTheirGroups) {
  const std::pair<const char*, const char*> calls[] = {
      {"torch.conv1d(x, W, None, [1], [0], [1], 3)", "Conv/3"},
      {"torch.conv2d(x, W)", "Conv/1"},
      {"torch.conv2d(x, W, groups=4)", "Conv/4"},
      {"torch.conv2d(x, W, None, [1, 1], \"same\", [1, 1], g)", "Conv/?"},
      {"torch.conv_transpose2d(x, W, None, [1, 1], [0, 0], p, 2, [1, 1])", "ConvTranspose/2"},
      {"torch._convolution(x, W, b, [1], [0], [1], False, [0], 5, False, True)", "Conv/5"},
      {"torch._convolution(x, W, b, [1], [0], [1], True, [0], 5, False, True)", "ConvTranspose/5"},
      {"torch._convolution(x, W, b, [1], [0], [1], t, [0], 5, False, True)", "Conv/?"},
      {"torch._convolution_mode(torch.relu((x)), W, b, [1], \"valid\", [1], 6)", "Conv/6"},
      {"torch.bilinear(x, x, W, None)", "Bilinear"},
      {"torch.matmul(x, W)", "MatMul:1"},
      {"torch.bmm(W, x)", "MatMul:0"},
  };
  for (const auto& [text, expected] : calls) {
    for (const char* weight : {"self.w", "CONSTANTS.c7", "getattr(self, \"w\")", "(self.w)"}) {
      std::string call = text;
      call.replace(call.find('W'), 1, weight);
      const ProgramUses uses = program({{"", body("    _0 = torch.relu(" + call + ")\n")}});
      const bool constant = std::string(weight).starts_with("CONST");
      EXPECT_EQ(of(uses, constant ? "CONSTANTS" : "__torch__.Net", constant ? "c7" : "w"), expected) << call;
      EXPECT_FALSE(uses.has_others) << call;
    }
  }
}

TEST(TorchScriptCode, ModulesInModules) {
  const std::string attributes = "  conv : __torch__.layers.Conv\n  __annotations__[\"0\"] = __torch__.layers.Block\n";
  const std::string layers =
      "class Conv(Module):\n  weight : Tensor\nclass Block(Module):\n  conv : __torch__.layers.Conv\n";
  for (const char* statements :
       {"    _0 = torch.conv2d(x, self.conv.weight, None, [1], [0], [1], 2)\n",
        "    c = self.conv\n    w = c.weight\n    _0 = torch.conv2d(x, w, None, [1], [0], [1], 2)\n",
        "    b = getattr(self, \"0\")\n    w, v = b.conv.weight, None\n"
        "    _0 = torch.conv2d(x, w, None, [1], [0], [1], 2)\n",
        "    _0 = __torch__.layers.call(x, unchecked_cast(Tensor, self.conv.weight))\n"}) {
    const std::string call =
        "def call(x: Tensor,\n    w: Tensor) -> Tensor:\n  return torch.conv2d(x, w, None, [1], [0], [1], 2)\n";
    const ProgramUses uses = program({{"", body(statements, attributes)}, {"/layers", layers + call}});
    EXPECT_EQ(of(uses, "__torch__.layers.Conv", "weight"), "Conv/2") << statements;
  }
}

TEST(TorchScriptCode, WhatIsNotUnderstoodLeavesKernelsInDoubt) {
  for (const char* statements :
       {"    w = torch.mul(self.w, self.g)\n    _0 = torch.conv2d(x, w)\n", "    _0 = torch.conv2d(x, x)\n",
        "    _0 = torch.conv_tbc(x, self.w, self.b)\n", "    _0 = ops.prepacked.conv2d_clamp_run(x, self.packed)\n",
        "    _0 = torch.conv2d(x, weights[3])\n", "    _0 = torch.conv2d(x, self.child.w)\n"}) {
    const ProgramUses uses = program({{"", body(statements)}});
    EXPECT_TRUE(uses.has_others) << statements;
    EXPECT_EQ(of(uses, "__torch__.Net", "kernel"), "Conv/?") << statements;
    EXPECT_EQ(of(uses, "__torch__.Net", "matrix", {4, 4}), "-");
  }
  EXPECT_TRUE(program({}).has_others) << "no code";
  const ProgramUses unused = program({{"", body("    return x\n")}});
  EXPECT_EQ(of(unused, "__torch__.torch.nn.modules.conv.___torch_mangle_3.Conv2d", "weight"), "Conv/?");
  EXPECT_EQ(of(unused, "__torch__.torch.nn.modules.conv.ConvTranspose1d", "weight"), "ConvTranspose/?");
  EXPECT_EQ(of(unused, "__torch__.torch.nn.modules.linear.Bilinear", "weight", {4, 3, 3}), "Bilinear");
}

// Code of an untrusted file may be anything.
TEST(TorchScriptCode, MalformedCodeIsReadToItsEnd) {
  std::string deep, chain = "    v0 = v0\n";
  for (int i = 0; i < 100'000; ++i) deep += "torch.relu(";
  for (int i = 1; i < 20'000; ++i) chain += fmt::format("    v{0} = v{1}\n    v{0} = v{1}\n", i, i - 1);
  chain += "    _0 = torch.conv2d(x, v19999)\n";
  EXPECT_TRUE(program({{"", body("    _0 = " + deep + "\n")}}).known.empty());
  EXPECT_TRUE(
      program({{"", body("    _0 = " + deep + "torch.conv2d(x, x)" + std::string(100'000, ')') + "\n")}}).has_others);
  EXPECT_TRUE(program({{"", body(chain)}}).has_others);
  for (const char* code :
       {"", "\n", "def", "class", "def f(", "class Net(\n", "\"", "x = ", "= x", ")))",
        "def f(x: __torch__.Net)\n  y = x.y.z\n", "    a = b\n    b = a\n    _0 = torch.conv2d(a, b)\n",
        "torch.conv2d(", "self.", ".forward()", "().forward()"}) {
    program({{"", code}});
    program({{"", body(code)}});
  }
}

// Conv2d with two groups and a constant, as torch.export writes it.
std::string exported(const std::string& nodes) {
  return R"({"graph_module": {"graph": {"inputs": [], "nodes": [)" + nodes +
         R"(]}, "signature": {"input_specs": [
      {"parameter": {"arg": {"name": "p_w"}, "parameter_name": "net.w"}},
      {"tensor_constant": {"tensor_constant_name": "c", "arg": {"name": "c_c"}}},
      {"user_input": {"arg": {"as_tensor": {"name": "x"}}}}]}}})";
}

std::string exported_node(const std::string& op, const std::string& weight, const std::string& more = "") {
  return R"({"target": "torch.ops.aten.)" + op + R"(", "inputs": [
      {"name": "input", "arg": {"as_tensor": {"name": "x"}}, "kind": 1},
      {"name": "weight", "arg": {"as_tensor": {"name": ")" +
         weight + R"("}}, "kind": 1})" + more + R"(], "outputs": [{"as_tensor": {"name": "y"}}]})";
}

TEST(ExportedGraph, NodesNameTheirWeights) {
  const std::string two = R"(, {"name": "groups", "arg": {"as_int": 2}})";
  const auto told_of = [](const std::string& node) { return of(graph(exported(node)), "", "net.w"); };
  EXPECT_EQ(told_of(exported_node("conv2d.default", "p_w", two)), "Conv/2");
  EXPECT_EQ(told_of(exported_node("conv1d.padding", "p_w")), "Conv/1");
  EXPECT_EQ(told_of(exported_node("conv_transpose3d.input", "p_w", two)), "ConvTranspose/2");
  EXPECT_EQ(told_of(exported_node("convolution.default", "p_w",
                                  two + R"(, {"name": "transposed", "arg": {"as_bool": true}})")),
            "ConvTranspose/2");
  EXPECT_EQ(told_of(exported_node("convolution.default", "p_w",
                                  two + R"(, {"name": "transposed", "arg": {"as_bool": false}})")),
            "Conv/2");
  EXPECT_EQ(told_of(exported_node("conv2d.default", "p_w", R"(, {"name": "groups", "arg": {"as_sym_int": {}}})")),
            "Conv/?");
  EXPECT_EQ(told_of(exported_node("bilinear.default", "p_w")), "Bilinear");
  EXPECT_EQ(told_of(exported_node("bmm.default", "p_w")), "MatMul:1");
  EXPECT_EQ(told_of(exported_node("relu.default", "p_w")), "Unknown");
  EXPECT_EQ(of(graph(exported(exported_node("conv2d.default", "c_c", two))), "", "c"), "Conv/2");
}

TEST(ExportedGraph, WhatIsNotUnderstoodLeavesKernelsInDoubt) {
  for (const std::string& text :
       {exported(exported_node("conv2d.default", "mul_3")), exported(exported_node("quantized_conv.default", "p_q")),
        exported(R"({"target": "cond", "inputs": [{"name": "t", "arg": {"as_graph": {"name": "g"}}}]})"), exported(""),
        std::string("{}"), std::string("not JSON"), std::string(),
        exported(R"({"target": "torch.ops.aten.conv2d.default", "inputs": []})"), std::string(1000, '[')}) {
    EXPECT_EQ(of(graph(text), "", "net.w"), "Conv/?") << text.substr(0, 60);
  }
}

}  // namespace
}  // namespace sigmax::io
