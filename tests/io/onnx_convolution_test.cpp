// What ONNX graphs say about their convolutions: strides, pads, and the size of the image that comes in.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/onnx_bytes.hpp"
#include "sigmax/io/onnx/onnx.hpp"

namespace sigmax::io {
namespace {

using namespace testing;
using Padding = ConvolutionSettings::Padding;

// The shape of a value: -1 stands for a name.
Message value(std::string_view name, const Extents& shape) {
  Message dimensions;
  for (const std::int64_t extent : shape) {
    dimensions = dimensions.child(1, extent < 0 ? Message{}.text(2, "n") : Message{}.integer(1, extent));
  }
  const Message tensor = Message{}.integer(1, 1).child(2, dimensions);
  return Message{}.text(1, name).child(2, Message{}.child(1, tensor));
}

Message ones(std::string_view name, const Extents& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return floats(name, shape, std::vector<float>(static_cast<std::size_t>(count), 1));
}

Message integers(std::string_view name, const std::vector<std::int64_t>& values) {
  return raw_tensor(name, kInt64, {static_cast<std::int64_t>(values.size())}, values);
}

Message floats_of(std::string_view name, const std::vector<float>& values) {
  return floats(name, {static_cast<std::int64_t>(values.size())}, values);
}

std::string list(const Dimensions& values) { return values.empty() ? "?" : fmt::format("{}", fmt::join(values, ",")); }

// `stride 2,2 dilation 1,1 pads 1,1:1,1 in 28,28`, a ? for what is not known.
std::string told(const ConvolutionSettings& settings) {
  std::string text =
      fmt::format("stride {} dilation {} pads {}:{} in {}", list(settings.stride), list(settings.dilation),
                  list(settings.pad_low), list(settings.pad_high), list(settings.input_size));
  if (!settings.output_padding.empty()) text += " out " + list(settings.output_padding);
  switch (settings.padding) {
    case Padding::zeros: return text;
    case Padding::circular: return text + " circular";
    case Padding::reflect: return text + " reflect";
    case Padding::replicate: return text + " replicate";
    case Padding::unknown: return text + " of another kind";
  }
  return text;
}

std::vector<Entry> read(const Message& main) { return read_onnx(file_of(model(main).bytes, "m.onnx")); }

// The settings of all uses of the tensor called `name`, in one text.
std::string settings_of(const Message& main, std::string_view name = "k") {
  std::string text;
  for (const Entry& entry : read(main)) {
    if (entry.name != name) continue;
    for (const Usage& use : entry.used_by) {
      text += (text.empty() ? "" : " | ") + (use.convolution ? told(*use.convolution) : "-");
    }
  }
  return text;
}

Message with_input(Message main, const Extents& shape) { return main.child(11, value("x", shape)); }

// A convolution of `x` with a kernel k of that shape.
std::string of_conv(std::string_view op, const Message& attributes, const Extents& kernel, const Extents& input) {
  return settings_of(with_input(graph({node(op, {"x", "k"}, {"y"}) + attributes}, {ones("k", kernel)}), input));
}

TEST(OnnxConvolution, AttributesThatAreLeftOutHaveTheirDefaults) {
  EXPECT_EQ(of_conv("Conv", {}, {4, 3, 3, 3}, {1, 3, 28, 30}), "stride 1,1 dilation 1,1 pads 0,0:0,0 in 28,30");
  EXPECT_EQ(of_conv("Conv", {}, {4, 3, 5}, {1, 3, 9}), "stride 1 dilation 1 pads 0:0 in 9");
  EXPECT_EQ(of_conv("ConvTranspose", {}, {3, 4, 2, 2, 2}, {1, 3, 5, 6, 7}),
            "stride 1,1,1 dilation 1,1,1 pads 0,0,0:0,0,0 in 5,6,7 out 0,0,0");
}

TEST(OnnxConvolution, AttributesAreReadAxisByAxis) {
  const Message attributes = attribute("strides", std::vector<std::int64_t>{2, 1}) +
                             attribute("dilations", std::vector<std::int64_t>{1, 3}) +
                             attribute("pads", std::vector<std::int64_t>{1, 2, 3, 4});
  EXPECT_EQ(of_conv("Conv", attributes, {4, 3, 3, 3}, {1, 3, 28, 28}), "stride 2,1 dilation 1,3 pads 1,2:3,4 in 28,28");
  EXPECT_EQ(of_conv("ConvTranspose", attributes + attribute("output_padding", std::vector<std::int64_t>{1, 0}),
                    {3, 4, 3, 3}, {1, 3, 8, 8}),
            "stride 2,1 dilation 1,3 pads 1,2:3,4 in 8,8 out 1,0");
}

TEST(OnnxConvolution, ListsOfAnotherLengthAreNotBelieved) {
  EXPECT_EQ(of_conv("Conv", attribute("strides", std::vector<std::int64_t>{2}), {4, 3, 3, 3}, {1, 3, 28, 28}), "-");
  EXPECT_EQ(of_conv("Conv", attribute("pads", std::vector<std::int64_t>{1, 1}), {4, 3, 3, 3}, {1, 3, 28, 28}), "-");
  EXPECT_EQ(of_conv("Conv", attribute("dilations", std::vector<std::int64_t>{1, 1, 1}), {4, 3, 3, 3}, {}), "-");
}

Message text_attribute(std::string_view name, std::string_view text) {
  return Message{}.child(5, Message{}.text(1, name).text(4, text).integer(20, 3));
}

// By hand from the operator's definition: total = (ceil(n / s) - 1) s + d (k - 1) + 1 - n.
TEST(OnnxConvolution, AutomaticPaddingIsWorkedOut) {
  const auto same = [](std::string_view word, std::int64_t stride, const Extents& kernel, const Extents& input) {
    const std::vector<std::int64_t> strides(kernel.size() - 2, stride);
    return of_conv("Conv", text_attribute("auto_pad", word) + attribute("strides", strides), kernel, input);
  };
  EXPECT_EQ(same("SAME_UPPER", 1, {4, 3, 4}, {1, 3, 9}), "stride 1 dilation 1 pads 1:2 in 9");
  EXPECT_EQ(same("SAME_LOWER", 1, {4, 3, 4}, {1, 3, 9}), "stride 1 dilation 1 pads 2:1 in 9");
  EXPECT_EQ(same("SAME_UPPER", 2, {4, 3, 3}, {1, 3, 8}), "stride 2 dilation 1 pads 0:1 in 8");
  EXPECT_EQ(same("SAME_UPPER", 2, {4, 3, 3}, {1, 3, 9}), "stride 2 dilation 1 pads 1:1 in 9");
  EXPECT_EQ(same("SAME_UPPER", 3, {4, 3, 1}, {1, 3, 9}), "stride 3 dilation 1 pads 0:0 in 9");
  EXPECT_EQ(same("VALID", 2, {4, 3, 3}, {1, 3, 9}), "stride 2 dilation 1 pads 0:0 in 9");
  EXPECT_EQ(same("SAME_UPPER", 1, {4, 3, 4}, {1, 3, -1}), "stride 1 dilation 1 pads 1:2 in ?") << "any size";
  EXPECT_EQ(same("SAME_UPPER", 2, {4, 3, 4}, {1, 3, -1}), "stride 2 dilation 1 pads ?:? in ?");
}

// total = s (n - 1) + d (k - 1) + 1 - output, and the output is n s unless it is stated.
TEST(OnnxConvolution, TransposedOnesMayStateTheirOutput) {
  const auto transposed = [](const Message& more) {
    return of_conv("ConvTranspose", more + attribute("strides", std::vector<std::int64_t>{2}), {3, 4, 3}, {1, 3, 5});
  };
  EXPECT_EQ(transposed(text_attribute("auto_pad", "SAME_UPPER")), "stride 2 dilation 1 pads 0:1 in 5 out 0");
  EXPECT_EQ(transposed(text_attribute("auto_pad", "SAME_LOWER")), "stride 2 dilation 1 pads 1:0 in 5 out 0");
  EXPECT_EQ(transposed(attribute("output_shape", std::vector<std::int64_t>{9})),
            "stride 2 dilation 1 pads 1:1 in 5 out 0");
  EXPECT_EQ(transposed(attribute("output_shape", std::vector<std::int64_t>{1, 4, 10})),
            "stride 2 dilation 1 pads 1:0 in 5 out 0");
  EXPECT_EQ(transposed(attribute("output_shape", std::vector<std::int64_t>{12})),
            "stride 2 dilation 1 pads 0:0 in 5 out 1")
      << "larger than the convolution makes it: zeros are appended";
  const Message wide = text_attribute("auto_pad", "SAME_UPPER") + attribute("strides", std::vector<std::int64_t>{4});
  EXPECT_EQ(of_conv("ConvTranspose", wide, {3, 4, 3}, {1, 3, 5}), "stride 4 dilation 1 pads 0:0 in 5 out 1")
      << "the stride exceeds the kernel";
}

// The size that reaches the second convolution when the nodes between lie on a 1x8x28x28 image.
std::string behind(std::vector<Message> nodes, std::vector<Message> constants = {}, std::int64_t channels = 8) {
  nodes.push_back(node("Conv", {"h", "k"}, {"y"}));
  constants.push_back(ones("k", {2, channels, 1, 1}));
  for (const Entry& entry : read(with_input(graph(nodes, constants), {1, 8, 28, 28}))) {
    if (entry.name == "k" && !entry.used_by.empty()) return list(entry.used_by[0].convolution->input_size);
  }
  return "-";
}

using Ints = std::vector<std::int64_t>;

TEST(OnnxConvolution, SizesGoThroughConvolutionsAndPooling) {
  const Message first = ones("k1", {8, 8, 3, 3}), fourth = ones("k1", {8, 8, 4, 4});
  EXPECT_EQ(behind({node("Conv", {"x", "k1"}, {"h"})}, {first}), "26,26");
  EXPECT_EQ(behind({node("Conv", {"x", "k1"}, {"h"}) + attribute("strides", Ints{2, 1}) +
                    attribute("pads", Ints{1, 1, 1, 0})},
                   {first}),
            "14,27");
  EXPECT_EQ(behind({node("ConvTranspose", {"x", "k1"}, {"h"}) + attribute("strides", Ints{2, 2}) +
                    attribute("pads", Ints{1, 1, 1, 1}) + attribute("output_padding", Ints{0, 1})},
                   {fourth}),
            "56,57");
  const Message window = attribute("kernel_shape", Ints{3, 3}) + attribute("strides", Ints{2, 2});
  for (const char* op : {"MaxPool", "AveragePool", "LpPool"}) {
    EXPECT_EQ(behind({node(op, {"x"}, {"h"}) + window}), "13,13") << op;
    EXPECT_EQ(behind({node(op, {"x"}, {"h"}) + window + attribute("ceil_mode", std::int64_t{1})}), "14,14") << op;
    EXPECT_EQ(behind({node(op, {"x"}, {"h"}) + window + text_attribute("auto_pad", "SAME_UPPER")}), "14,14") << op;
  }
  const Message doubtful = attribute("kernel_shape", Ints{1, 1}) + attribute("strides", Ints{29, 29}) +
                           attribute("pads", Ints{0, 0, 1, 1}) + attribute("ceil_mode", std::int64_t{1});
  EXPECT_EQ(behind({node("MaxPool", {"x"}, {"h"}) + doubtful}), "?") << "a window that begins beyond the image";
  EXPECT_EQ(behind({node("GlobalAveragePool", {"x"}, {"h"})}), "1,1");
  EXPECT_EQ(behind({node("ReduceMean", {"x"}, {"h"}) + attribute("axes", Ints{2, -1})}), "1,1");
}

TEST(OnnxConvolution, SizesGoThroughWhatMovesAndJoins) {
  const auto half = attribute("axis", std::int64_t{1});
  EXPECT_EQ(behind({node("Relu", {"x"}, {"r"}), node("Add", {"r", "x"}, {"h"})}), "28,28");
  EXPECT_EQ(behind({node("GlobalMaxPool", {"x"}, {"g"}), node("Mul", {"g", "x"}, {"h"})}), "28,28");
  EXPECT_EQ(behind({node("Concat", {"x", "x"}, {"h"}) + half}, {}, 16), "28,28");
  EXPECT_EQ(behind({node("Split", {"x"}, {"a", "h"}) + half}, {}, 4), "28,28");
  EXPECT_EQ(behind({node("Split", {"x", "parts"}, {"a", "h"}) + attribute("axis", std::int64_t{3})},
                   {integers("parts", {20, 8})}),
            "28,8");
  EXPECT_EQ(
      behind({node("Pad", {"x", "p"}, {"i"}), node("Relu", {"i"}, {"h"})}, {integers("p", {0, 0, 1, 2, 0, 0, 3, 4})}),
      "32,34");
  EXPECT_EQ(
      behind({node("Slice", {"x", "s", "e", "a", "t"}, {"h"})},
             {integers("s", {1, -5}), integers("e", {1 << 30, -1}), integers("a", {2, 3}), integers("t", {2, 1})}),
      "14,4");
  EXPECT_EQ(behind({node("Resize", {"x", "", "s"}, {"h"})}, {floats_of("s", {1, 1, 2, 0.5F})}), "56,14");
  EXPECT_EQ(behind({node("Resize", {"x", "", "", "n"}, {"h"})}, {integers("n", {1, 8, 7, 9})}), "7,9");
  EXPECT_EQ(behind({node("Upsample", {"x", "s"}, {"h"})}, {floats_of("s", {1, 1, 3, 3})}), "84,84");
  EXPECT_EQ(behind({node("Reshape", {"x", "s"}, {"h"})}, {integers("s", {0, -1, 14, 7})}, 64), "14,7");
  EXPECT_EQ(behind({node("Transpose", {"x"}, {"t"}) + attribute("perm", Ints{0, 1, 3, 2}),
                    node("Slice", {"t", "s", "e", "a"}, {"h"})},
                   {integers("s", {0}), integers("e", {5}), integers("a", {3})}),
            "28,5");
  EXPECT_EQ(behind({node("SpaceToDepth", {"x"}, {"h"}) + attribute("blocksize", std::int64_t{2})}, {}, 32), "14,14");
  EXPECT_EQ(behind({node("DepthToSpace", {"x"}, {"h"}) + attribute("blocksize", std::int64_t{2})}, {}, 2), "56,56");
  EXPECT_EQ(behind({node("Unsqueeze", {"x", "a"}, {"u"}), node("Squeeze", {"u", "a"}, {"h"})}, {integers("a", {0})}),
            "28,28");
}

TEST(OnnxConvolution, ASizeThatIsNotKnownStaysSo) {
  EXPECT_EQ(behind({node("Resize", {"x", "", "s"}, {"h"})}), "?") << "scales that are computed";
  EXPECT_EQ(behind({node("Pad", {"x", "p"}, {"i"}), node("Relu", {"i"}, {"h"})}), "?");
  EXPECT_EQ(behind({node("Crop", {"x"}, {"h"})}), "?") << "an operator that is not read";
  EXPECT_EQ(behind({node("Add", {"x", "unknown"}, {"h"})}), "?");
  EXPECT_EQ(of_conv("Conv", {}, {4, 3, 3, 3}, {1, 3, 28, -1}), "stride 1,1 dilation 1,1 pads 0,0:0,0 in ?");
  EXPECT_EQ(settings_of(graph({node("Conv", {"x", "k"}, {"y"})}, {ones("k", {4, 3, 3, 3})}, {"x"})),
            "stride 1,1 dilation 1,1 pads 0,0:0,0 in ?");
}

TEST(OnnxConvolution, WhatTheGraphStatesAboutAValueCounts) {
  const std::vector<Message> nodes = {node("Crop", {"x"}, {"h"}), node("Conv", {"h", "k"}, {"y"})};
  const Message main = with_input(graph(nodes, {ones("k", {4, 3, 3, 3})}), {1, 3, 28, 28});
  EXPECT_EQ(settings_of(main.child(13, value("h", {1, 3, 20, 21}))), "stride 1,1 dilation 1,1 pads 0,0:0,0 in 20,21");
  EXPECT_EQ(settings_of(main.child(13, value("h", {1, 3}))), "stride 1,1 dilation 1,1 pads 0,0:0,0 in ?");
  EXPECT_EQ(settings_of(main.text(13, "\xff\xff")), "stride 1,1 dilation 1,1 pads 0,0:0,0 in ?") << "damaged";
}

TEST(OnnxConvolution, AStatementThatContradictsTheGraphIsNotBelieved) {
  const std::vector<Message> nodes = {node("Relu", {"x"}, {"h"}), node("Conv", {"h", "k"}, {"y"})};
  const Message main = with_input(graph(nodes, {ones("k", {4, 3, 3, 3})}), {1, 3, 28, 28});
  EXPECT_EQ(settings_of(main.child(13, value("h", {1, 3, 28, 28}))), "stride 1,1 dilation 1,1 pads 0,0:0,0 in 28,28");
  EXPECT_EQ(settings_of(main.child(13, value("h", {1, 3, 28, 27}))), "stride 1,1 dilation 1,1 pads 0,0:0,0 in ?");
}

TEST(OnnxConvolution, AKernelOfTwoConvolutionsHasBoth) {
  const Message main = with_input(
      graph({node("Conv", {"x", "k"}, {"h"}), node("Conv", {"h", "k"}, {"y"}) + attribute("strides", Ints{2, 2})},
            {ones("k", {3, 3, 3, 3})}),
      {1, 3, 28, 28});
  EXPECT_EQ(settings_of(main),
            "stride 1,1 dilation 1,1 pads 0,0:0,0 in 28,28 | stride 2,2 dilation 1,1 pads 0,0:0,0 in 26,26");
}

// A file may claim any size.
TEST(OnnxConvolution, NumbersOutOfRangeAreNotKnown) {
  const std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_EQ(of_conv("Conv", attribute("strides", Ints{huge}), {4, 3, 3}, {1, 3, huge}),
            fmt::format("stride {} dilation 1 pads 0:0 in ?", huge));
  EXPECT_EQ(behind({node("Pad", {"x", "p"}, {"i"}), node("Relu", {"i"}, {"h"})},
                   {integers("p", {0, 0, huge, huge, 0, 0, huge, huge})}),
            "?");
  EXPECT_EQ(behind({node("Pad", {"x", "p"}, {"i"}), node("Relu", {"i"}, {"h"})},
                   {integers("p", {0, 0, -huge, 0, 0, 0, -huge, 0})}),
            "?");
  EXPECT_EQ(behind({node("Conv", {"x", "k1"}, {"h"}) + attribute("dilations", Ints{huge, -huge})},
                   {ones("k1", {8, 8, 3, 3})}),
            "?");
  EXPECT_EQ(behind({node("MaxPool", {"x"}, {"h"}) + attribute("kernel_shape", Ints{0, -1})}), "?");
  EXPECT_EQ(behind({node("MaxPool", {"x"}, {"h"}) + attribute("kernel_shape", Ints{2, 2}) +
                    attribute("strides", Ints{0, 0}) + attribute("ceil_mode", std::int64_t{1})}),
            "?");
  const std::vector<std::int64_t> axes(70, 1);
  EXPECT_EQ(behind({node("Reshape", {"x", "s"}, {"h"})}, {integers("s", axes)}), "?");
}

// A convolution of what nodes make of a 1x2x8x9 image.
std::string padded(std::vector<Message> nodes, std::vector<Message> constants, const Message& more = {},
                   std::string_view op = "Conv") {
  nodes.push_back(node(op, {"h", "k"}, {"y"}) + more);
  constants.push_back(ones("k", op == "Conv" ? Extents{4, 2, 3, 3} : Extents{2, 4, 3, 3}));
  return settings_of(with_input(graph(nodes, constants), {1, 2, 8, 9}));
}

Message pad(std::string_view from, std::string_view to, std::string_view mode = "constant") {
  return node("Pad", {std::string(from), "p"}, {std::string(to)}) + text_attribute("mode", mode);
}

TEST(OnnxPadding, IsThatOfTheConvolutionBehindIt) {
  const Message pads = integers("p", {0, 0, 1, 2, 0, 0, 3, 4});
  EXPECT_EQ(padded({pad("x", "h")}, {pads}), "stride 1,1 dilation 1,1 pads 1,2:3,4 in 8,9");
  EXPECT_EQ(padded({pad("x", "h", "reflect")}, {pads}), "stride 1,1 dilation 1,1 pads 1,2:3,4 in 8,9 reflect");
  EXPECT_EQ(padded({pad("x", "h", "edge")}, {pads}), "stride 1,1 dilation 1,1 pads 1,2:3,4 in 8,9 replicate");
  EXPECT_EQ(padded({pad("x", "h", "wrap")}, {pads}), "stride 1,1 dilation 1,1 pads 1,2:3,4 in 8,9 circular");
  EXPECT_EQ(padded({node("Pad", {"x"}, {"h"}) + attribute("pads", Ints{0, 0, 1, 2, 0, 0, 3, 4})}, {}),
            "stride 1,1 dilation 1,1 pads 1,2:3,4 in 8,9")
      << "an attribute, as in early operator sets";
  EXPECT_EQ(padded({node("Identity", {"x"}, {"i"}), pad("i", "j"), node("Cast", {"j"}, {"h"})}, {pads}),
            "stride 1,1 dilation 1,1 pads 1,2:3,4 in 8,9");
}

TEST(OnnxPadding, OfZerosAddsToThatOfTheConvolution) {
  const Message own = attribute("pads", Ints{1, 0, 0, 1}) + attribute("strides", Ints{2, 2});
  const Message pads = integers("p", {0, 0, 1, 2, 0, 0, 3, 4});
  EXPECT_EQ(padded({pad("x", "h")}, {pads}, own), "stride 2,2 dilation 1,1 pads 2,2:3,5 in 8,9");
  EXPECT_EQ(padded({pad("x", "i"), pad("i", "h")}, {pads}, own), "stride 2,2 dilation 1,1 pads 3,4:6,9 in 8,9");
  // ceil(12 / 2) outputs of the padded image need 1 more entry; of its 15 columns 2 more.
  EXPECT_EQ(
      padded({pad("x", "h")}, {pads}, text_attribute("auto_pad", "SAME_UPPER") + attribute("strides", Ints{2, 2})),
      "stride 2,2 dilation 1,1 pads 1,3:4,5 in 8,9");
}

TEST(OnnxPadding, MayNameItsAxes) {
  const auto with_axes = [](const Ints& axes, const Ints& pads) {
    return padded({node("Pad", {"x", "p", "", "a"}, {"h"})}, {integers("p", pads), integers("a", axes)});
  };
  EXPECT_EQ(with_axes({3, 2}, {2, 1, 4, 3}).substr(0, 39), "stride 1,1 dilation 1,1 pads 1,2:3,4 in");
  EXPECT_EQ(with_axes({-1}, {2, 4}).substr(0, 39), "stride 1,1 dilation 1,1 pads 0,2:0,4 in");
  const std::string unknown = "stride 1,1 dilation 1,1 pads ?:? in ? of another kind";
  EXPECT_EQ(with_axes({2, 2}, {2, 1, 4, 3}), unknown);
  EXPECT_EQ(with_axes({4}, {2, 1}), unknown);
  EXPECT_EQ(with_axes({2}, {2, 1, 4, 3}), unknown);
}

// Whatever the two do together, it is not what one convolution's padding does.
TEST(OnnxPadding, ThatIsNotOneConvolutionsIsNotKnown) {
  const std::string unknown = "stride 1,1 dilation 1,1 pads ?:? in ? of another kind";
  const Message pads = integers("p", {0, 0, 1, 2, 0, 0, 3, 4}), own = attribute("pads", Ints{1, 1, 1, 1});
  EXPECT_EQ(padded({pad("x", "h", "reflect")}, {pads}, own), unknown);
  EXPECT_EQ(padded({pad("x", "i", "reflect"), pad("i", "h")}, {pads}), unknown);
  EXPECT_EQ(padded({pad("x", "i"), pad("i", "h", "reflect")}, {pads}), unknown);
  EXPECT_EQ(padded({pad("x", "h", "mirror")}, {pads}), unknown);
  EXPECT_EQ(padded({pad("x", "h")}, {}), unknown) << "pads that are computed";
  EXPECT_EQ(padded({pad("x", "h")}, {integers("p", {0, 0, -1, 0, 0, 0, 0, 0})}), unknown) << "pads that cut";
  EXPECT_EQ(padded({pad("x", "h")}, {integers("p", {0, 1, 1, 1, 0, 0, 1, 1})}), unknown) << "channels";
  EXPECT_EQ(padded({pad("x", "h")}, {integers("p", {1, 1, 1, 1})}), unknown) << "too few";
  EXPECT_EQ(padded({pad("x", "h")}, {integers("p", {0, 0, std::int64_t{1} << 40, 0, 0, 0, 0, 0})}), unknown);
  EXPECT_EQ(padded({pad("x", "h")}, {pads}, {}, "ConvTranspose"),
            "stride 1,1 dilation 1,1 pads ?:? in ? out 0,0 of another kind")
      << "cuts its pads off";
  EXPECT_EQ(padded({node("Sum", {"x"}, {"v"}), node("Pad", {"x", "p", "v"}, {"h"})}, {pads}), unknown)
      << "padded with a number that comes from the image";
}

TEST(OnnxPadding, ThatDoesNothingOrLiesElsewhereChangesNothing) {
  const std::string plain = "stride 1,1 dilation 1,1 pads 0,0:0,0 in 8,9";
  const Message pads = integers("p", {0, 0, 1, 2, 0, 0, 3, 4});
  EXPECT_EQ(padded({pad("x", "h", "reflect")}, {integers("p", {0, 0, 0, 0, 0, 0, 0, 0})}), plain);
  EXPECT_EQ(padded({pad("x", "h")}, {integers("p", {0, 0, 0, 0, 0, 0, 0, 0})}, {}, "ConvTranspose"),
            plain + " out 0,0");
  EXPECT_EQ(padded({pad("x", "i"), node("Relu", {"i"}, {"h"})}, {pads}),
            "stride 1,1 dilation 1,1 pads 0,0:0,0 in 12,15")
      << "another operator lies between them";
  EXPECT_EQ(padded({node("Pad", {"x", "p", "v"}, {"h"})}, {pads, floats_of("v", {0.5})}),
            "stride 1,1 dilation 1,1 pads 1,2:3,4 in 8,9")
      << "a constant moves the output by a constant";
  EXPECT_EQ(padded({node("Identity", {"h"}, {"i"}), pad("i", "h")}, {pads}).substr(0, 23), "stride 1,1 dilation 1,1")
      << "a graph in a circle";
}

}  // namespace
}  // namespace sigmax::io
