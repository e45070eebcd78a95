// What modules, TorchScript's code and the graph of torch.export say about strides, pads and image sizes.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "io/pytorch_programs.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io {
namespace {

using namespace testing;
using Padding = ConvolutionSettings::Padding;

std::string list(const Dimensions& values) { return values.empty() ? "?" : fmt::format("{}", fmt::join(values, ",")); }

// `stride 2,2 dilation 1,1 pads 1,1:1,1`, a ? for what is not known, and what is not usual.
std::string told(const std::vector<Usage>& uses) {
  if (uses.size() != 1 || !uses[0].convolution) return "-";
  const ConvolutionSettings& settings = *uses[0].convolution;
  std::string text = fmt::format("stride {} dilation {} pads {}:{}", list(settings.stride), list(settings.dilation),
                                 list(settings.pad_low), list(settings.pad_high));
  if (settings.padding == Padding::circular) text += " circular";
  if (settings.padding == Padding::reflect) text += " reflect";
  if (settings.padding == Padding::replicate) text += " replicate";
  if (settings.padding == Padding::unknown) text += " of another kind";
  if (uses[0].op == "ConvTranspose") text += " out " + list(settings.output_padding);
  if (!settings.input_size.empty()) text += " in " + list(settings.input_size);
  return text;
}

// A module with a kernel of that shape and these settings, pickled whole.
std::string in_module(const std::vector<std::int64_t>& shape, std::vector<std::string> settings,
                      bool transposed = false) {
  std::vector<std::string> state = {pk::str("_parameters"),  pk::dict({pk::str("weight"), parameter("0", shape)}),
                                    pk::str("_modules"),     pk::dict({}),
                                    pk::str("in_channels"),  pk::num(shape[transposed ? 0 : 1]),
                                    pk::str("out_channels"), pk::num(shape[transposed ? 1 : 0]),
                                    pk::str("kernel_size"),  pk::ints({3}),
                                    pk::str("groups"),       pk::num(1),
                                    pk::str("transposed"),   transposed ? "\x88" : "\x89"};
  state.insert(state.end(), settings.begin(), settings.end());
  const auto entries =
      read_archive({{"r/data.pkl", pk::whole(pk::object("torch.nn.modules.conv", "Conv2d", pk::dict(state)))},
                    {"r/data/0", zeros_of(shape)}});
  return entries.size() == 1 ? told(entries[0].used_by) : "no entry";
}

std::vector<std::string> settings(const std::string& stride, const std::string& padding, const std::string& dilation,
                                  const std::string& mode = "zeros") {
  return {pk::str("stride"),   stride,   pk::str("padding"),      padding,
          pk::str("dilation"), dilation, pk::str("padding_mode"), pk::str(mode)};
}

TEST(PytorchConvolutionModules, KeepTheirSettings) {
  EXPECT_EQ(in_module({4, 2, 3, 3}, settings(pk::ints({2, 1}), pk::ints({1, 0}), pk::ints({1, 2}))),
            "stride 2,1 dilation 1,2 pads 1,0:1,0");
  EXPECT_EQ(in_module({4, 2, 3}, settings(pk::ints({2}), pk::ints({1}), pk::ints({1}), "circular")),
            "stride 2 dilation 1 pads 1:1 circular");
  EXPECT_EQ(in_module({4, 2, 3}, settings(pk::ints({1}), pk::ints({1}), pk::ints({1}), "reflect")),
            "stride 1 dilation 1 pads 1:1 reflect");
  EXPECT_EQ(in_module({4, 2, 3}, settings(pk::ints({1}), pk::ints({1}), pk::ints({1}), "replicate")),
            "stride 1 dilation 1 pads 1:1 replicate");
  EXPECT_EQ(in_module({4, 2, 3, 3, 3}, settings(pk::num(2), pk::num(1), pk::num(1))),
            "stride 2,2,2 dilation 1,1,1 pads 1,1,1:1,1,1")
      << "one number for all axes";
}

TEST(PytorchConvolutionModules, MayNameTheirPadding) {
  EXPECT_EQ(in_module({4, 2, 4, 3}, settings(pk::ints({1, 1}), pk::str("same"), pk::ints({2, 1}))),
            "stride 1,1 dilation 2,1 pads 3,1:3,1");
  EXPECT_EQ(in_module({4, 2, 4}, settings(pk::ints({1}), pk::str("same"), pk::ints({1}))),
            "stride 1 dilation 1 pads 1:2");
  EXPECT_EQ(in_module({4, 2, 4}, settings(pk::ints({3}), pk::str("valid"), pk::ints({1}))),
            "stride 3 dilation 1 pads 0:0");
  EXPECT_EQ(in_module({4, 2, 4}, settings(pk::ints({3}), pk::str("most"), pk::ints({1}))),
            "stride 3 dilation 1 pads ?:?");
}

TEST(PytorchConvolutionModules, TransposedOnesHaveAnOutputPadding) {
  auto with_output = settings(pk::ints({2, 2}), pk::ints({1, 1}), pk::ints({1, 1}));
  with_output.push_back(pk::str("output_padding"));
  with_output.push_back(pk::ints({1, 0}));
  EXPECT_EQ(in_module({4, 2, 3, 3}, with_output, true), "stride 2,2 dilation 1,1 pads 1,1:1,1 out 1,0");
}

TEST(PytorchConvolutionModules, WhatTheyDoNotSayIsNotKnown) {
  EXPECT_EQ(in_module({4, 2, 3}, {}), "-");
  EXPECT_EQ(in_module({4, 2, 3}, settings(pk::ints({1}), pk::ints({1}), pk::ints({1}), "mirrored")), "-");
  EXPECT_EQ(in_module({4, 2, 3}, settings(pk::ints({1, 1}), pk::ints({1}), pk::str("one"))),
            "stride ? dilation ? pads 1:1");
}

std::string in_code(const std::string& statements, const Dimensions& shape = {4, 2, 3, 3}) {
  return told(program({{"", body(statements)}}).of("__torch__.Net", "w", shape));
}

std::string in_call(const std::string& call, const Dimensions& shape = {4, 2, 3, 3}) {
  return in_code("    return torch." + call + "\n", shape);
}

TEST(TorchScriptConvolutions, ArgumentsAreReadByTheirPlaceOrName) {
  EXPECT_EQ(in_call("conv2d(x, self.w, None, [2, 1], [1, 0], [1, 3], 1)"), "stride 2,1 dilation 1,3 pads 1,0:1,0");
  EXPECT_EQ(in_call("conv2d(x, self.w)"), "stride 1,1 dilation 1,1 pads 0,0:0,0");
  EXPECT_EQ(in_call("conv2d(x, self.w, stride=2, dilation=[2, 2])"), "stride 2,2 dilation 2,2 pads 0,0:0,0");
  EXPECT_EQ(in_call("conv_transpose2d(x, self.w, None, [2, 2], [1, 1], [1, 0], 1, [1, 3])"),
            "stride 2,2 dilation 1,3 pads 1,1:1,1 out 1,0");
  EXPECT_EQ(
      in_call("_convolution(x, self.w, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, False, False, True, True)"),
      "stride 2,2 dilation 1,1 pads 1,1:1,1");
  EXPECT_EQ(in_call("_convolution(x, self.w, None, [2, 2], [1, 1], [1, 1], True, [0, 1], 1, False, False, True, True)"),
            "stride 2,2 dilation 1,1 pads 1,1:1,1 out 0,1");
  EXPECT_EQ(in_call("mkldnn_convolution(x, self.w, None, [1, 1], [2, 2], [3, 3], 1)"),
            "stride 2,2 dilation 3,3 pads 1,1:1,1");
  EXPECT_EQ(in_call("thnn_conv2d(x, self.w, [3, 3], None, [2, 2], [1, 1])"), "stride 2,2 dilation 1,1 pads 1,1:1,1");
  EXPECT_EQ(in_code("    s = [2, 2]\n    return torch.conv2d(x, self.w, None, s)\n"),
            "stride 2,2 dilation 1,1 pads 0,0:0,0");
}

TEST(TorchScriptConvolutions, MayNameTheirPadding) {
  EXPECT_EQ(in_call("conv2d(x, self.w, None, [1, 1], \"same\", [2, 1])", {4, 2, 4, 3}),
            "stride 1,1 dilation 2,1 pads 3,1:3,1");
  EXPECT_EQ(in_call("conv1d(x, self.w, None, [1], \"same\")", {4, 2, 4}), "stride 1 dilation 1 pads 1:2");
  EXPECT_EQ(in_call("_convolution_mode(x, self.w, None, [2], \"valid\", [1], 1)", {4, 2, 4}),
            "stride 2 dilation 1 pads 0:0");
}

TEST(TorchScriptConvolutions, WhatIsComputedIsNotKnown) {
  EXPECT_EQ(in_call("conv2d(x, self.w, None, s, [p, p], torch.list(d))"), "stride ? dilation ? pads ?:?");
  EXPECT_EQ(in_call("conv2d(x, self.w, None, [2, 2, 2], [1, 1.5], [])"), "stride ? dilation ? pads ?:?");
  EXPECT_EQ(in_code("    s = [2, 2]\n    s = [3, 3]\n    return torch.conv2d(x, self.w, None, s)\n"),
            "stride ? dilation 1,1 pads 0,0:0,0");
}

TEST(TorchScriptConvolutions, AKernelOfTwoConvolutionsHasBoth) {
  const std::string code =
      "class Net(Module):\n  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n"
      "    y = torch.conv2d(x, self.w, None, [1, 1])\n    return torch.conv2d(y, self.w, None, [2, 2])\n";
  const auto uses = program({{"", code}}).of("__torch__.Net", "w", {4, 4, 3, 3});
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].convolution->stride, (Dimensions{1, 1}));
  EXPECT_EQ(uses[1].convolution->stride, (Dimensions{2, 2}));
}

// Statements of Net, and classes and functions next to it.
std::string in_program(const std::string& statements, const std::string& more,
                       const std::string& name = "__torch__.Net") {
  const std::string code = more +
                           "class Net(Module):\n  pad : __torch__.Pad\n  conv : __torch__.Conv\n"
                           "  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n" +
                           statements;
  const auto file = file_of(zip_of(std::vector<ZipContent>{{"r/data.pkl", ""}, {"r/code/__torch__.py", code}}), "m.ts");
  const auto uses = read_torchscript_code(file, read_zip_directory(file), "r/").of(name, "w", {4, 2, 3, 3});
  std::string text;
  for (const Usage& use : uses) text += (text.empty() ? "" : " | ") + told({use});
  return text;
}

TEST(TorchScriptPadding, IsThatOfTheConvolutionBehindIt) {
  const auto padded = [](const std::string& call) {
    return in_code("    y = torch." + call + "\n    return torch.conv2d(y, self.w, None, [1, 1], [0, 0], [1, 1])\n");
  };
  EXPECT_EQ(padded("pad(x, [1, 2, 3, 4], \"constant\", 0.)"), "stride 1,1 dilation 1,1 pads 3,1:4,2");
  EXPECT_EQ(padded("pad(x, [1, 2])"), "stride 1,1 dilation 1,1 pads 0,1:0,2");
  EXPECT_EQ(padded("pad(x, [1, 1, 1, 1], \"reflect\")"), "stride 1,1 dilation 1,1 pads 1,1:1,1 reflect");
  EXPECT_EQ(padded("pad(x, [1, 1, 2, 2], \"circular\")"), "stride 1,1 dilation 1,1 pads 2,1:2,1 circular");
  EXPECT_EQ(padded("constant_pad_nd(x, [1, 1, 1, 1], 0.5)"), "stride 1,1 dilation 1,1 pads 1,1:1,1");
  EXPECT_EQ(padded("reflection_pad2d(x, [1, 1, 1, 1])"), "stride 1,1 dilation 1,1 pads 1,1:1,1 reflect");
  EXPECT_EQ(padded("replication_pad2d(x, [1, 1, 1, 1])"), "stride 1,1 dilation 1,1 pads 1,1:1,1 replicate");
  EXPECT_EQ(in_call("conv2d(torch.pad(x, [1, 1, 1, 1]), self.w, None, [2, 2], [1, 2])"),
            "stride 2,2 dilation 1,1 pads 2,3:2,3")
      << "zeros around zeros";
  EXPECT_EQ(in_call("conv2d(torch.pad(torch.pad(x, [1, 0]), [0, 2, 0, 1]), self.w, None, [1, 1], \"same\")"),
            "stride 1,1 dilation 1,1 pads 1,2:2,3");
}

TEST(TorchScriptPadding, ThatIsNotOneConvolutionsIsNotKnown) {
  const std::string unknown = "stride 1,1 dilation 1,1 pads ?:? of another kind";
  EXPECT_EQ(in_call("conv2d(torch.pad(x, [1, 1, 1, 1], \"reflect\"), self.w, None, [1, 1], [1, 1])"), unknown);
  EXPECT_EQ(in_call("conv2d(torch.pad(x, [-1, 0, 1, 1]), self.w)"), unknown) << "pads that cut";
  EXPECT_EQ(in_call("conv2d(torch.pad(x, [1, 1, 1, 1, 1, 0]), self.w)"), unknown) << "channels";
  EXPECT_EQ(in_call("conv2d(torch.pad(x, [1, 1, 1]), self.w)"), unknown);
  EXPECT_EQ(in_call("conv2d(torch.pad(x, pads), self.w)"), unknown);
  EXPECT_EQ(in_call("conv2d(torch.pad(x, [1, 1], \"zeros\"), self.w)"), unknown) << "no mode of torch's";
  EXPECT_EQ(in_call("conv2d(torch.pad(x, [1, 1], mode), self.w)"), unknown);
  EXPECT_EQ(in_call("conv_transpose2d(torch.pad(x, [1, 1]), self.w)"), unknown + " out 0,0");
  EXPECT_EQ(in_call("conv2d(torch.pad(x, [0, 0, 0, 0], \"reflect\"), self.w, None, [1, 1], [1, 1])"),
            "stride 1,1 dilation 1,1 pads 1,1:1,1")
      << "nothing is padded";
  EXPECT_EQ(in_call("conv2d(torch.relu(torch.pad(x, [1, 1])), self.w)"), "stride 1,1 dilation 1,1 pads 0,0:0,0")
      << "another operator lies between them";
}

// As torch.jit.trace and torch.jit.script write them.
constexpr const char* kConv =
    "class Conv(Module):\n  w : Tensor\n"
    "  def forward(self: __torch__.Conv,\n    input: Tensor) -> Tensor:\n    w = self.w\n"
    "    return (self)._conv_forward(input, w, )\n"
    "  def _conv_forward(self: __torch__.Conv,\n    input: Tensor,\n    w: Tensor) -> Tensor:\n"
    "    _1 = torch.conv2d(input, w, None, [1, 1], [0, 0], [1, 1])\n    return _1\n";

TEST(TorchScriptPadding, IsFollowedThroughModules) {
  const std::string pad =
      "class Pad(Module):\n  def forward(self: __torch__.Pad,\n    a: Tensor) -> Tensor:\n"
      "    _0 = __torch__.torch.nn.functional.pad(a, [2, 2, 1, 1], \"replicate\", None, )\n    return _0\n";
  const std::string padded = "stride 1,1 dilation 1,1 pads 1,2:1,2 replicate";
  EXPECT_EQ(in_program("    return (self.conv).forward((self.pad).forward(x, ), )\n", kConv + pad, "__torch__.Conv"),
            padded);
  EXPECT_EQ(in_program("    conv = self.conv\n    pad = self.pad\n    y = (pad).forward(x, )\n    z = torch.relu(y)\n"
                       "    return (conv).forward(y, )\n",
                       kConv + pad, "__torch__.Conv"),
            padded);
  const std::string both =
      "    conv = self.conv\n    y = (conv).forward(x, )\n"
      "    return (conv).forward((self.pad).forward(torch.relu(y), ), )\n";
  EXPECT_EQ(in_program(both, kConv + pad, "__torch__.Conv"), "stride 1,1 dilation 1,1 pads 0,0:0,0 | " + padded)
      << "with and without it";
}

TEST(TorchScriptPadding, OfAModuleThatIsCalledTwiceBelongsToEachCall) {
  const std::string pad =
      "class Pad(Module):\n  def forward(self: __torch__.Pad,\n    a: Tensor) -> Tensor:\n"
      "    return torch.pad(a, [1, 1, 1, 1])\n";
  EXPECT_EQ(in_program("    y = (self.pad).forward((self.pad).forward(x, ), )\n"
                       "    z = (self.pad).forward(torch.reflection_pad2d(x, [1, 1, 1, 1]), )\n"
                       "    return (self.conv).forward(y, )\n",
                       kConv + pad, "__torch__.Conv"),
            "stride 1,1 dilation 1,1 pads 2,2:2,2");
}

TEST(TorchScriptPadding, OfConvolutionModulesIsInTheirConstants) {
  const auto of_module = [](const std::string& constants) {
    const std::string conv = "class Conv(Module):\n  w : Tensor\n  _reversed_padding_repeated_twice : List[int]\n" +
                             constants +
                             "  def forward(self: __torch__.Conv,\n    input: Tensor) -> Tensor:\n"
                             "    _reversed_padding_repeated_twice = self._reversed_padding_repeated_twice\n"
                             "    _1 = __torch__.torch.nn.functional.pad(input, _reversed_padding_repeated_twice, "
                             "\"reflect\", None, )\n    _2 = [0, 0]\n"
                             "    return torch.conv2d(_1, self.w, None, [1, 1], _2, [1, 1])\n";
    return in_program("    return (self.conv).forward(x, )\n", conv, "__torch__.Conv");
  };
  EXPECT_EQ(of_module("  padding : Final[Tuple[int, int]] = (1, 2)\n"), "stride 1,1 dilation 1,1 pads 1,2:1,2 reflect");
  EXPECT_EQ(of_module("  padding : Final[str] = \"same\"\n  kernel_size : Final[Tuple[int, int]] = (3, 4)\n"
                      "  dilation : Final[Tuple[int, int]] = (2, 1)\n"),
            "stride 1,1 dilation 1,1 pads 2,1:2,2 reflect");
  EXPECT_EQ(of_module("  padding : Final[str] = \"valid\"\n"), "stride 1,1 dilation 1,1 pads 0,0:0,0");
  EXPECT_EQ(of_module(""), "stride 1,1 dilation 1,1 pads ?:? of another kind");
}

TEST(TorchScriptPadding, CodeThatNeverEndsIsNotFollowedForEver) {
  const std::string unknown = "stride 1,1 dilation 1,1 pads ?:? of another kind";
  EXPECT_EQ(in_code("    y = torch.pad(z, [1, 1])\n    z = torch.pad(y, [1, 1])\n    return torch.conv2d(y, self.w)\n"),
            unknown);
  const std::string endless =
      "class Pad(Module):\n  def forward(self: __torch__.Pad,\n    a: Tensor) -> Tensor:\n"
      "    return (self).forward(torch.pad(a, [1, 1]), )\n";
  EXPECT_EQ(
      in_program("    return (self.conv).forward((self.pad).forward(x, ), )\n", kConv + endless, "__torch__.Conv"),
      unknown);
  // Twice as many ways with each line.
  std::string ways = "    x0 = x\n";
  for (int i = 0; i < 60; ++i) {
    ways += fmt::format("    x{1} = torch.pad(x{0}, [{2}, 1])\n    x{1} = torch.pad(x{0}, [0, {2}])\n", i, i + 1, i);
  }
  EXPECT_EQ(in_code(ways + "    return torch.conv2d(x60, self.w)\n"), unknown);
  std::string deep = "x";
  for (int i = 0; i < 1000; ++i) deep = "torch.pad(" + deep + ", [1, 1])";
  EXPECT_EQ(in_call("conv2d(" + deep + ", self.w)"), unknown);
}

// As torch.jit.script writes a ConvTranspose2d(2, 4, 3, output_padding=(1, 0)) and its calls.
std::string transposed(const std::string& call, const std::string& more = "",
                       const std::string& of = "torch.nn.modules.conv.Up") {
  const std::string name = "__torch__." + of;
  const std::string code =
      "class Up(Module):\n  w : Tensor\n  output_padding : Final[Tuple[int, int]] = (1, 0)\n"
      "  def forward(self: " +
      name +
      ",\n    input: Tensor,\n    output_size: Optional[List[int]]=None) -> Tensor:\n"
      "    output_padding = (self)._output_padding(input, output_size, [2, 2], [1, 1], [3, 3], 2, [1, 1], )\n"
      "    return torch.conv_transpose2d(input, self.w, None, [2, 2], [1, 1], output_padding, 1, [1, 1])\n"
      "  def _output_padding(self: " +
      name +
      ",\n    input: Tensor,\n    output_size: Optional[List[int]],\n"
      "    stride: List[int],\n    padding: List[int],\n    kernel_size: List[int],\n    num_spatial_dims: int,\n"
      "    dilation: Optional[List[int]]=None) -> List[int]:\n"
      "    if torch.__is__(output_size, None):\n      ret = [1, 0]\n    else:\n"
      "      res = annotate(List[int], [])\n      ret = res\n    return ret\n";
  const std::string net = "class Net(Module):\n  up : " + name + "\n" + more +
                          "  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n" + call;
  std::string path = of.substr(0, of.rfind('.'));
  std::replace(path.begin(), path.end(), '.', '/');
  return told(program({{"", net}, {"/" + path, code}}).of(name, "w", {2, 4, 3, 3}));
}

TEST(TorchScriptConvolutions, TransposedOnesTakeTheirOwnOutputPaddingUnlessTheyAreCalledWithASize) {
  const std::string head = "stride 2,2 dilation 1,1 pads 1,1:1,1 out ";
  EXPECT_EQ(transposed("    return (self.up).forward(x, None, )\n"), head + "1,0");
  EXPECT_EQ(transposed("    return (self.up).forward(x, )\n"), head + "1,0") << "left out, None is the default";
  EXPECT_EQ(transposed("    return x\n"), head + "1,0") << "the module itself is the model";
  EXPECT_EQ(transposed("    size = None\n    y = (self.up).forward(x, size, )\n    return (self.up).forward(y, )\n"),
            head + "1,0");
  EXPECT_EQ(transposed("    return (self.up).forward(x, [9, 9], )\n"), head + "?");
  EXPECT_EQ(transposed("    return (self.up).forward(x, output_size=[9, 9])\n"), head + "?");
  EXPECT_EQ(transposed("    y = (self.up).forward(x, None, )\n    return (self.up).forward(y, torch.size(x), )\n"),
            head + "?")
      << "one of two calls";
  const std::string passed_on =
      "  def inner(self: __torch__.Net,\n    x: Tensor,\n    size: Optional[List[int]]) -> "
      "Tensor:\n    return (self.up).forward(x, size, )\n";
  EXPECT_EQ(transposed("    return (self).inner(x, None, )\n", passed_on), head + "1,0");
  EXPECT_EQ(transposed("    return (self).inner(x, [9, 9], )\n", passed_on), head + "?");
  EXPECT_EQ(transposed("    return x\n", passed_on), head + "?") << "whoever calls it must give a size";
  EXPECT_EQ(transposed("    return (self.up).forward(x, None, )\n", "", "own.Up"), head + "?")
      << "a class that is not torch's may do anything";
}

std::string in_graph(const std::string& op, const std::string& more, const std::string& sizes = "") {
  const std::string node = R"({"target": "torch.ops.aten.)" + op + R"(", "inputs": [
      {"name": "input", "arg": {"as_tensor": {"name": "x"}}, "kind": 1},
      {"name": "weight", "arg": {"as_tensor": {"name": "p_w"}}, "kind": 1})" +
                           more + R"(], "outputs": []})";
  const std::string text = R"({"graph_module": {"graph": {"inputs": [], "nodes": [)" + node +
                           R"(], "tensor_values": {)" + sizes + R"(}}, "signature": {"input_specs": [
      {"parameter": {"arg": {"name": "p_w"}, "parameter_name": "w"}}]}}})";
  return told(graph(text).of("", "w", {4, 2, 3, 3}));
}

TEST(ExportedConvolutions, ArgumentsAreReadByTheirName) {
  EXPECT_EQ(in_graph("conv2d.default", ""), "stride 1,1 dilation 1,1 pads 0,0:0,0");
  EXPECT_EQ(in_graph("conv2d.default", R"(, {"name": "stride", "arg": {"as_ints": [2, 1]}},
      {"name": "padding", "arg": {"as_ints": [1, 0]}}, {"name": "dilation", "arg": {"as_ints": [1, 3]}})"),
            "stride 2,1 dilation 1,3 pads 1,0:1,0");
  EXPECT_EQ(in_graph("conv2d.padding", R"(, {"name": "padding", "arg": {"as_string": "same"}})"),
            "stride 1,1 dilation 1,1 pads 1,1:1,1");
  EXPECT_EQ(in_graph("conv_transpose2d.input", R"(, {"name": "output_padding", "arg": {"as_ints": [1, 0]}})"),
            "stride 1,1 dilation 1,1 pads 0,0:0,0 out 1,0");
  EXPECT_EQ(in_graph("conv2d.default", R"(, {"name": "stride", "arg": {"as_sym_ints": [{"as_name": "s0"}]}})"),
            "stride ? dilation 1,1 pads 0,0:0,0");
}

std::string size_of_x(const std::string& rows, const std::string& batch = R"({"as_int": 1})") {
  return R"("p_w": {"sizes": [{"as_int": 4}, {"as_int": 2}, {"as_int": 3}, {"as_int": 3}]},
      "x": {"dtype": 7, "sizes": [)" +
         batch + R"(, {"as_int": 2}, )" + rows + R"(, {"as_int": 30}], "device": {}})";
}

TEST(ExportedConvolutions, ImagesHaveTheirSizesThere) {
  const std::string any = R"({"as_expr": {"expr_str": "s0", "hint": {"as_int": 28}}})";
  EXPECT_EQ(in_graph("conv2d.default", "", size_of_x(R"({"as_int": 28})")),
            "stride 1,1 dilation 1,1 pads 0,0:0,0 in 28,30");
  EXPECT_EQ(in_graph("conv2d.default", "", size_of_x(any)), "stride 1,1 dilation 1,1 pads 0,0:0,0") << "any size";
  EXPECT_EQ(in_graph("conv2d.default", "", size_of_x(R"({"as_int": 28})", any)),
            "stride 1,1 dilation 1,1 pads 0,0:0,0 in 28,30")
      << "any batch";
}

// A convolution of `h`, which nodes make of a 2x28x30 image `x`.
std::string behind(const std::string& nodes, const std::string& more = "") {
  const std::string text = R"({"graph_module": {"graph": {"inputs": [], "nodes": [)" + nodes + R"(
      {"target": "torch.ops.aten.conv2d.default", "inputs": [
      {"name": "input", "arg": {"as_tensor": {"name": "h"}}, "kind": 1},
      {"name": "weight", "arg": {"as_tensor": {"name": "p_w"}}, "kind": 1})" +
                           more + R"(], "outputs": [{"as_tensor": {"name": "conv2d"}}]}], "tensor_values": {
      "h": {"sizes": [{"as_int": 1}, {"as_int": 2}, {"as_int": 35}, {"as_int": 33}]}}},
      "signature": {"input_specs": [{"parameter": {"arg": {"name": "p_w"}, "parameter_name": "w"}}]}}})";
  const auto file = file_of(zip_of({{"model.json", text}}), "m.pt2");
  return told(read_exported_graph(file, read_zip_directory(file)[0]).of("", "w", {4, 2, 3, 3}));
}

std::string pad_node(const std::string& op, const std::string& arguments, const std::string& from = "x",
                     const std::string& to = "h") {
  return R"({"target": "torch.ops.aten.)" + op + R"(.default", "inputs": [
      {"name": "self", "arg": {"as_tensor": {"name": ")" +
         from + R"("}}, "kind": 1})" + arguments + R"(], "outputs": [{"as_tensor": {"name": ")" + to +
         R"("}}], "metadata": {"outputs": "no"}},)";
}

TEST(ExportedPadding, IsThatOfTheConvolutionBehindIt) {
  const std::string pads = R"(, {"name": "pad", "arg": {"as_ints": [1, 2, 3, 4]}})";
  const std::string spread = "stride 1,1 dilation 1,1 pads 3,1:4,2";
  EXPECT_EQ(behind(pad_node("pad", pads)), spread + " in 28,30");
  EXPECT_EQ(behind(pad_node("constant_pad_nd", pads)), spread + " in 28,30");
  EXPECT_EQ(behind(pad_node("pad", pads + R"(, {"name": "mode", "arg": {"as_string": "reflect"}})")),
            spread + " reflect in 28,30");
  EXPECT_EQ(behind(pad_node("pad", pads + R"(, {"name": "mode", "arg": {"as_string": "circular"}})")),
            spread + " circular in 28,30");
  EXPECT_EQ(behind(pad_node("replication_pad2d", R"(, {"name": "padding", "arg": {"as_ints": [1, 2, 3, 4]}})")),
            spread + " replicate in 28,30");
  EXPECT_EQ(behind(pad_node("pad", R"(, {"name": "pad", "arg": {"as_ints": [1, 0]}})", "x", "i") +
                   pad_node("pad", R"(, {"name": "pad", "arg": {"as_ints": [0, 2, 3, 4]}})", "i", "h")),
            spread + " in 28,30");
}

TEST(ExportedPadding, ThatIsNotOneConvolutionsIsNotKnown) {
  const std::string unknown = "stride 1,1 dilation 1,1 pads ?:? of another kind";
  const std::string pads = R"(, {"name": "pad", "arg": {"as_ints": [1, 1, 1, 1]}})";
  const std::string reflect = pads + R"(, {"name": "mode", "arg": {"as_string": "reflect"}})";
  EXPECT_EQ(behind(pad_node("pad", reflect), R"(, {"name": "padding", "arg": {"as_ints": [1, 1]}})"),
            "stride 1,1 dilation 1,1 pads ?:? of another kind");
  EXPECT_EQ(behind(pad_node("pad", R"(, {"name": "pad", "arg": {"as_ints": [-1, 1]}})")), unknown);
  EXPECT_EQ(behind(pad_node("pad", R"(, {"name": "pad", "arg": {"as_sym_ints": [{"as_name": "s0"}]}})")), unknown);
  EXPECT_EQ(behind(pad_node("pad", pads, "h", "h")), unknown) << "a graph in a circle";
  EXPECT_EQ(behind(pad_node("relu", "")), "stride 1,1 dilation 1,1 pads 0,0:0,0 in 35,33");
}

}  // namespace
}  // namespace sigmax::io
