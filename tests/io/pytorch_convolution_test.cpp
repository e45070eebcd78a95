// What modules, TorchScript's code and the graph of torch.export say about strides, pads and image sizes.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace sigmax::io
