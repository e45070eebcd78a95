// Sizes and terms of convolutions against their definition, and what is refused.
#include "sigmax/ops/convolution/geometry.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/ops/convolution/framework_terms.hpp"

namespace sigmax {
namespace {

using Sizes = std::vector<std::int64_t>;

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing thrown";
}

ConvolutionLayer one_axis(const ConvolutionAxis& axis, bool transposed = false) {
  return {1, 1, 1, PaddingMode::Zeros, transposed, {axis}};
}

ConvolutionAxis random_axis(std::mt19937_64& random, bool transposed) {
  const auto draw = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
  };
  return {draw(1, 5), draw(1, 4), draw(1, 4), draw(0, 4), draw(0, 4), transposed ? draw(0, 3) : 0};
}

// As many outputs as have their last tap within the padded input.
TEST(ConvolutionGeometry, HasEveryOutputWhoseTapsLieInThePaddedInput) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const ConvolutionAxis axis = random_axis(random, false);
    const std::int64_t n = std::uniform_int_distribution<std::int64_t>(1, 12)(random);
    std::int64_t outputs = 0;
    while (axis.stride * outputs + axis.dilation * (axis.kernel - 1) < n + axis.pad_low + axis.pad_high) ++outputs;
    if (outputs == 0) {
      EXPECT_THROW(ConvolutionGeometry(one_axis(axis), {n}), Error);
      continue;
    }
    const ConvolutionGeometry geometry(one_axis(axis), {n});
    EXPECT_EQ(geometry.output_size(), Sizes{outputs});
    EXPECT_EQ(geometry.rows(), outputs);
    EXPECT_EQ(geometry.columns(), n);
    const CorrelationAxis& side = geometry.correlation().axes[0];
    EXPECT_LE(side.pad_high(), axis.pad_high);
    EXPECT_GE(side.pad_low + n + side.pad_high(), side.window());
  }
}

// Every input writes the whole kernel; pads cut off, output padding appends.
TEST(ConvolutionGeometry, OfATransposedOneReachesWhatItsInputsWrite) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 2000; ++i) {
    const ConvolutionAxis axis = random_axis(random, true);
    const std::int64_t n = std::uniform_int_distribution<std::int64_t>(1, 12)(random);
    std::int64_t written = 0;
    for (std::int64_t a = 0; a < n; ++a) written = axis.stride * a + axis.dilation * (axis.kernel - 1) + 1;
    const std::int64_t outputs = written + axis.output_padding - axis.pad_low - axis.pad_high;
    if (outputs < 1) {
      EXPECT_THROW(ConvolutionGeometry(one_axis(axis, true), {n}), Error);
      continue;
    }
    const ConvolutionGeometry geometry(one_axis(axis, true), {n});
    EXPECT_EQ(geometry.output_size(), Sizes{outputs});
    EXPECT_EQ(geometry.rows(), outputs);
    EXPECT_EQ(geometry.columns(), n);
    EXPECT_EQ(geometry.correlation().axes[0].output, n);
    EXPECT_EQ(geometry.correlation().axes[0].input, outputs);
  }
}

TEST(ConvolutionGeometry, CountsTermsAndCopies) {
  const ConvolutionAxis axis{3, 1, 1, 2, 2, 0};
  const auto copies = [&](PaddingMode mode) {
    return ConvolutionGeometry({4, 6, 2, mode, false, {axis}}, {3}).correlation().copies();
  };
  EXPECT_EQ(copies(PaddingMode::Zeros), 1);
  EXPECT_EQ(copies(PaddingMode::Circular), 3);   // 1 2 0 1 2 0 1
  EXPECT_EQ(copies(PaddingMode::Reflect), 3);    // 2 1 0 1 2 1 0
  EXPECT_EQ(copies(PaddingMode::Replicate), 3);  // 0 0 0 1 2 2 2
  const ConvolutionGeometry geometry({4, 6, 2, PaddingMode::Replicate, false, {axis}}, {3});
  const Correlation& c = geometry.correlation();
  EXPECT_EQ(c.taps(), 3);
  EXPECT_EQ(c.terms(), 2 * 3);
  EXPECT_EQ(c.adjoint_terms(), 3 * 3 * 3);
  EXPECT_EQ(c.weights(), 6 * 2 * 3);
  EXPECT_EQ(c.rows(), 6 * 5);
  EXPECT_EQ(c.columns(), 4 * 3);
}

TEST(ConvolutionGeometry, SaysWhatIsWrong) {
  const auto said = [](ConvolutionLayer layer, Sizes size = {8, 8}) {
    return message_of([&] { ConvolutionGeometry(layer, std::move(size)); });
  };
  const ConvolutionAxis three{3, 1, 1, 1, 1, 0};
  ConvolutionLayer good{4, 6, 2, PaddingMode::Zeros, false, {three, three}};
  EXPECT_EQ(said(good), "nothing thrown");
  EXPECT_EQ(said(good, {8}), "[convolution] 2 axes need as many input sizes, got 1");
  EXPECT_EQ(said(good, {8, 0}), "[convolution] input size of axis 1 must be positive, got 0");
  ConvolutionLayer bad = good;
  bad.axes[1].dilation = 0;
  EXPECT_EQ(said(bad), "[convolution] dilation of axis 1 must be positive, got 0");
  bad = good;
  bad.axes[0].pad_low = -1;
  EXPECT_EQ(said(bad), "[convolution] low padding of axis 0 must be at least 0, got -1");
  bad = good;
  bad.groups = 4;
  EXPECT_EQ(said(bad), "[convolution] 4 groups must divide the 4 input and 6 output channels");
  bad = good;
  bad.axes[0].output_padding = 1;
  EXPECT_EQ(said(bad), "[convolution] output padding 1 on axis 0: only a transposed convolution has it");
  bad = good;
  bad.transposed = true;
  bad.padding_mode = PaddingMode::Reflect;
  EXPECT_NE(said(bad).find("padding mode is zeros, got reflect"), std::string::npos);
  bad = good;
  bad.axes.clear();
  EXPECT_EQ(said(bad, {}), "[convolution] a convolution has 1 to 3 spatial axes, got 0");
  bad = good;
  bad.axes[0].kernel = 11;
  EXPECT_EQ(said(bad),
            "[convolution] the kernel spans 11 entries of axis 0, more than the 10 of the input with its padding: the "
            "output is empty");
  bad = good;
  bad.padding_mode = PaddingMode::Reflect;
  EXPECT_EQ(said(bad, {8, 1}),
            "[convolution] reflected padding of 1 on axis 1 needs an input of at least 2 entries, got 1");
}

// Sizes of files may be anything. Every product of them is checked before it is formed.
TEST(ConvolutionGeometry, RefusesProductsThatOverflow) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 61;
  const std::vector<std::int64_t> numbers{1, 2, 3, std::int64_t{1} << 31, kHuge, 2 * kHuge, INT64_MAX, -1, 0};
  std::mt19937_64 random(3);
  const auto draw = [&] { return numbers[std::uniform_int_distribution<std::size_t>(0, numbers.size() - 1)(random)]; };
  int made = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto axis = [&] { return ConvolutionAxis{draw(), draw(), draw(), draw(), draw(), 0}; };
    const ConvolutionLayer layer{draw(), draw(), 1, PaddingMode::Zeros, i % 3 == 0, {axis(), axis()}};
    try {
      const ConvolutionGeometry geometry(layer, {draw(), draw()});
      ++made;
      EXPECT_GT(geometry.rows(), 0);
      EXPECT_GT(geometry.columns(), 0);
      EXPECT_GT(geometry.correlation().weights(), 0);
    } catch (const Error&) {
    }
  }
  EXPECT_GT(made, 0);
}

TEST(ConvolutionGeometry, DescribesItself) {
  EXPECT_EQ(describe({3, 64, 1, PaddingMode::Zeros, false, {{7, 2, 1, 3, 3, 0}, {7, 2, 1, 3, 3, 0}}}),
            "7x7 kernel, 3 -> 64 channels, stride 2, padding 3");
  EXPECT_EQ(describe({8, 8, 8, PaddingMode::Circular, false, {{3, 1, 2, 0, 1, 0}, {5, 1, 1, 0, 0, 0}}}),
            "3x5 kernel, 8 -> 8 channels, dilation 2x1, padding 0:1x0, circular padding, 8 groups");
  EXPECT_EQ(describe({2, 1, 1, PaddingMode::Zeros, true, {{4, 2, 1, 1, 1, 1}}}),
            "4 kernel, 2 -> 1 channels, stride 2, padding 1, output padding 1, transposed");
}

TEST(PyTorchTerms, SpreadOverTheAxes) {
  PyTorchConvolution terms;
  terms.weight_shape = {6, 2, 3, 5};
  terms.groups = 2;
  terms.stride = {2};
  terms.padding = {1, 2};
  const ConvolutionLayer layer = convolution_layer(terms);
  EXPECT_EQ(layer.in_channels, 4);
  EXPECT_EQ(layer.out_channels, 6);
  EXPECT_EQ(layer.axes[0], (ConvolutionAxis{3, 2, 1, 1, 1, 0}));
  EXPECT_EQ(layer.axes[1], (ConvolutionAxis{5, 2, 1, 2, 2, 0}));
  EXPECT_EQ(layer.kernel_shape(), terms.weight_shape);
  terms.transposed = true;
  terms.output_padding = {1, 0};
  const ConvolutionLayer up = convolution_layer(terms);
  EXPECT_EQ(up.in_channels, 6);
  EXPECT_EQ(up.out_channels, 4);
  EXPECT_EQ(up.kernel_shape(), terms.weight_shape);
  // torch.nn.ConvTranspose2d(6, 4, (3, 5), stride=2, padding=(1, 2), output_padding=(1, 0), groups=2) of 5 x 4
  EXPECT_EQ(ConvolutionGeometry(up, {5, 4}).output_size(), (Sizes{10, 7}));
}

TEST(PyTorchTerms, PadSameWithTheSmallerHalfFirst) {
  PyTorchConvolution terms;
  terms.weight_shape = {1, 1, 4, 3};
  terms.dilation = {1, 2};
  terms.padding_word = "same";
  terms.padding_mode = "circular";
  const ConvolutionLayer layer = convolution_layer(terms);
  EXPECT_EQ(layer.axes[0], (ConvolutionAxis{4, 1, 1, 1, 2, 0}));
  EXPECT_EQ(layer.axes[1], (ConvolutionAxis{3, 1, 2, 2, 2, 0}));
  EXPECT_EQ(layer.padding_mode, PaddingMode::Circular);
}

TEST(PyTorchTerms, AreRefusedWherePyTorchRefusesThem) {
  PyTorchConvolution good;
  good.weight_shape = {4, 2, 3};
  const auto said = [&](const std::function<void(PyTorchConvolution&)>& change) {
    PyTorchConvolution terms = good;
    change(terms);
    return message_of([&] { static_cast<void>(convolution_layer(terms)); });
  };
  EXPECT_EQ(said([](auto&) {}), "nothing thrown");
  EXPECT_NE(said([](auto& t) { t.weight_shape = {4, 2}; }).find("3 to 5 dimensions, got [4, 2]"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.groups = 3; }).find("3 groups must divide"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.groups = 0; }).find("must be positive"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.stride = {1, 1}; }).find("1 axes have 1 strides, got 2"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.padding_word = "full"; }).find("got 'full'"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.padding_mode = "wrap"; }).find("got 'wrap'"), std::string::npos);
  EXPECT_NE(said([](auto& t) {
              t.padding_word = "same";
              t.stride = {2};
            }).find("stride 1 only"),
            std::string::npos);
  EXPECT_NE(said([](auto& t) {
              t.transposed = true;
              t.output_padding = {2};
              t.stride = {2};
            }).find("smaller than stride 2 or dilation 1, got 2"),
            std::string::npos);
  EXPECT_NE(said([](auto& t) { t.dilation = {std::int64_t{1} << 41}; }).find("at most 2^40"), std::string::npos);
}

// The definition of Conv: for SAME there are ceil(n / stride) outputs, and as few pads as lead to them.
TEST(OnnxTerms, PadSameToTheRoundedUpQuotient) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 2000; ++i) {
    const ConvolutionAxis axis = random_axis(random, false);
    const std::int64_t n = std::uniform_int_distribution<std::int64_t>(1, 12)(random);
    OnnxConvolution terms;
    terms.weight_shape = {1, 1, axis.kernel};
    terms.strides = {axis.stride};
    terms.dilations = {axis.dilation};
    terms.auto_pad = i % 2 == 0 ? "SAME_UPPER" : "SAME_LOWER";
    const ConvolutionLayer layer = convolution_layer(terms, Sizes{n});
    const ConvolutionAxis& found = layer.axes[0];
    EXPECT_EQ(ConvolutionGeometry(layer, {n}).output_size(), Sizes{(n + axis.stride - 1) / axis.stride});
    const std::int64_t more = found.pad_high - found.pad_low;
    EXPECT_TRUE(i % 2 == 0 ? more == 0 || more == 1 : more == 0 || more == -1) << more;
    if (found.pad_low + found.pad_high > 0) {
      ConvolutionLayer fewer = layer;
      --(i % 2 == 0 ? fewer.axes[0].pad_high : fewer.axes[0].pad_low);
      const std::int64_t free = n + fewer.axes[0].pad_low + fewer.axes[0].pad_high - found.reach();
      EXPECT_LT(free < 0 ? 0 : free / axis.stride + 1, (n + axis.stride - 1) / axis.stride);
    }
  }
}

TEST(OnnxTerms, ListAllBeginningsBeforeAllEnds) {
  OnnxConvolution terms;
  terms.weight_shape = {6, 2, 3, 5};
  terms.group = 2;
  terms.kernel_shape = {3, 5};
  terms.strides = {2, 1};
  terms.pads = {1, 2, 3, 4};
  const ConvolutionLayer layer = convolution_layer(terms);
  EXPECT_EQ(layer.axes[0], (ConvolutionAxis{3, 2, 1, 1, 3, 0}));
  EXPECT_EQ(layer.axes[1], (ConvolutionAxis{5, 1, 1, 2, 4, 0}));
}

TEST(OnnxTerms, OfATransposedConvolutionReachTheOutputShape) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 2000; ++i) {
    const ConvolutionAxis axis = random_axis(random, true);
    const std::int64_t n = std::uniform_int_distribution<std::int64_t>(1, 12)(random);
    OnnxConvolution terms;
    terms.transposed = true;
    terms.weight_shape = {1, 1, axis.kernel};
    terms.strides = {axis.stride};
    terms.dilations = {axis.dilation};
    terms.output_padding = {axis.output_padding};
    if (i % 2 == 0) {
      const std::int64_t wanted = std::uniform_int_distribution<std::int64_t>(1, 40)(random);
      terms.output_shape = i % 4 == 0 ? Sizes{1, 1, wanted} : Sizes{wanted};
      const ConvolutionLayer layer = convolution_layer(terms, Sizes{n});
      EXPECT_EQ(ConvolutionGeometry(layer, {n}).output_size(), Sizes{wanted});
      EXPECT_GE(layer.axes[0].pad_low, layer.axes[0].pad_high);
    } else {
      terms.auto_pad = "SAME_UPPER";
      const ConvolutionLayer layer = convolution_layer(terms);
      EXPECT_EQ(ConvolutionGeometry(layer, {n}).output_size(), Sizes{n * axis.stride});
      EXPECT_LE(layer.axes[0].pad_low, layer.axes[0].pad_high);
    }
  }
}

TEST(OnnxTerms, AreRefusedWhereTheyContradictEachOther) {
  OnnxConvolution good;
  good.weight_shape = {4, 2, 3};
  good.pads = {1, 1};
  const auto said = [&](const std::function<void(OnnxConvolution&)>& change) {
    OnnxConvolution terms = good;
    change(terms);
    return message_of([&] { static_cast<void>(convolution_layer(terms)); });
  };
  EXPECT_EQ(said([](auto&) {}), "nothing thrown");
  EXPECT_NE(said([](auto& t) { t.pads = {1}; }).find("2 pads, all beginnings and then all ends, got 1"),
            std::string::npos);
  EXPECT_NE(said([](auto& t) { t.pads = {-1, 1}; }).find("must be at least 0, got -1"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.kernel_shape = {5}; }).find("kernel_shape [5] differs"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.auto_pad = "SAME"; }).find("got 'SAME'"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.auto_pad = "VALID"; }).find("exclude each other"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.output_shape = {5}; }).find("only ConvTranspose"), std::string::npos);
  EXPECT_NE(said([](auto& t) { t.strides = {2, 2}; }).find("1 axes have 1 strides, got 2"), std::string::npos);
  EXPECT_NE(said([](auto& t) {
              t.pads.clear();
              t.auto_pad = "SAME_UPPER";
              t.strides = {2};
            }).find("depend on the input size: give 1 sizes, got 0"),
            std::string::npos);
  EXPECT_NE(said([](auto& t) {
              t.transposed = true;
              t.output_shape = {5, 5};
            }).find("1 or 3 entries, got 2"),
            std::string::npos);
}

}  // namespace
}  // namespace sigmax
