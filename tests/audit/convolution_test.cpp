// Which convolution a kernel stands for, and what is said of its norm.
#include "sigmax/audit/convolution.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "sigmax/audit/measure.hpp"
#include "sigmax/audit/options.hpp"
#include "sigmax/audit/roles/stored_layout.hpp"
#include "tolerance.hpp"

namespace sigmax::audit {
namespace {

using Padding = io::ConvolutionSettings::Padding;

// 0, 1, 2, ... in row-major order.
Tensor counted(const Dimensions& shape) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape).value_or(0)));
  std::iota(values.begin(), values.end(), 0.0);
  return Tensor::copy_of(std::span<const double>(values), shape);
}

double entry(const Tensor& tensor, const std::vector<std::int64_t>& index) { return tensor.at(index); }

io::StatedConvolution known(Dimensions stride, Dimensions pads = {0}, Dimensions dilation = {1}) {
  io::StatedConvolution stated;
  stated.settings.stride = std::move(stride);
  stated.settings.pad_low = stated.settings.pad_high = std::move(pads);
  stated.settings.dilation = std::move(dilation);
  return stated;
}

TEST(AuditConvolution, KernelsComeInTheOrderOfTheLayer) {
  struct Case {
    Layout layout;
    bool transposed;
    Dimensions stored, kernel;
    std::vector<std::int64_t> at, from;  // an entry of the kernel, and where it is stored
  };
  const Case cases[] = {
      {convolution_layout(4, 1), false, {4, 3, 2, 5}, {4, 3, 2, 5}, {3, 2, 1, 4}, {3, 2, 1, 4}},
      {convolution_layout(4, 2), false, {4, 3, 2, 5}, {4, 3, 2, 5}, {3, 2, 1, 4}, {3, 2, 1, 4}},
      {transposed_convolution_layout(4, 2), true, {4, 3, 2, 5}, {4, 3, 2, 5}, {3, 2, 1, 4}, {3, 2, 1, 4}},
      {channels_last_layout(4, 1), false, {2, 5, 3, 4}, {4, 3, 2, 5}, {3, 2, 1, 4}, {1, 4, 2, 3}},
      {depthwise_channels_last_layout({2, 5, 3, 4}), false, {2, 5, 3, 4}, {12, 1, 2, 5}, {7, 0, 1, 4}, {1, 4, 1, 3}},
  };
  for (const Case& c : cases) {
    const Tensor stored = counted(c.stored);
    const auto found = convolution_of(stored, c.layout, c.transposed, {});
    ASSERT_TRUE(found) << layout_text(c.layout);
    EXPECT_EQ(found->kernel.shape(), c.kernel) << layout_text(c.layout);
    EXPECT_EQ(found->layer.kernel_shape(), c.kernel) << layout_text(c.layout);
    EXPECT_EQ(entry(found->kernel, c.at), entry(stored, c.from)) << layout_text(c.layout);
    EXPECT_EQ(found->layer.transposed, c.transposed);
    EXPECT_EQ(is_of_transposed(c.layout), c.transposed) << layout_text(c.layout);
  }
}

TEST(AuditConvolution, WhatIsNoSingleKernelIsNone) {
  const Layout stack{{Axis::stack, Axis::out, Axis::in, Axis::kernel}, 1, 0};
  EXPECT_FALSE(convolution_of(counted({2, 3, 3, 3}), stack, false, {}));
  EXPECT_TRUE(convolution_of(counted({1, 3, 3, 3}), stack, false, {})) << "a stack of one";
  EXPECT_FALSE(convolution_of(counted({3, 3}), {{Axis::out, Axis::in}, 1, 0}, false, {}));
  const Layout two_inputs{{Axis::out, Axis::in, Axis::in, Axis::kernel}, 1, 0};
  EXPECT_FALSE(convolution_of(counted({2, 3, 3, 3}), two_inputs, false, {}));
}

TEST(AuditConvolution, WhatIsNotStatedIsAssumedAndNamed) {
  const Layout layout = convolution_layout(4, 1);
  const Tensor kernel = counted({2, 2, 3, 3});
  const auto assumed = [&](const io::StatedConvolution& stated) {
    return convolution_of(kernel, layout, false, stated)->assumed;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(assumed({}), (Names{"stride", "dilation", "padding"}));
  EXPECT_EQ(assumed(known({2})), Names());
  io::StatedConvolution without_amounts = known({2}, {});
  EXPECT_EQ(assumed(without_amounts), Names{"padding"});
  without_amounts.has_mode = true;
  EXPECT_EQ(assumed(without_amounts), Names()) << "how many zeros does not matter";
  without_amounts.settings.padding = Padding::reflect;
  EXPECT_EQ(assumed(without_amounts), Names{"padding"}) << "how many reflected entries matters";
  without_amounts.settings.padding = Padding::unknown;
  EXPECT_EQ(assumed(without_amounts), Names{"padding"}) << "perhaps not zeros";
  io::StatedConvolution out_of_range = known({0}, {1}, {std::int64_t{1} << 40});
  EXPECT_EQ(assumed(out_of_range), (Names{"stride", "dilation"}));
}

TEST(AuditConvolution, AnOutputPaddingThatIsNotStatedIsAssumedWhereItMatters) {
  const Tensor kernel = counted({2, 2, 3});
  const auto found = [&](Dimensions output_padding, Dimensions input_size) {
    io::StatedConvolution stated = known({2}, {1});
    stated.settings.output_padding = std::move(output_padding);
    stated.settings.input_size = std::move(input_size);
    return *convolution_of(kernel, transposed_convolution_layout(3, 1), true, stated);
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(found({}, {}).assumed, Names());
  EXPECT_FALSE(found({}, {}).knows_output_padding) << "at every size it is none of the norm's business";
  EXPECT_TRUE(found({1}, {}).knows_output_padding);
  EXPECT_EQ(found({}, {5}).assumed, Names{"output_padding"});
  EXPECT_EQ(found({1}, {5}).assumed, Names());
  EXPECT_EQ(found({1}, {5}).layer.axes[0].output_padding, 1);
}

// The norm depends on how much of the image is repeated around it: none would be the norm of another layer.
TEST(AuditConvolution, AmountsOfImagePaddingAreAssumedToKeepTheSize) {
  const Layout layout = convolution_layout(4, 1);
  io::StatedConvolution stated = known({1}, {});
  stated.has_mode = true;
  stated.settings.dilation = {1, 2};
  for (const Padding mode : {Padding::circular, Padding::reflect, Padding::replicate}) {
    stated.settings.padding = mode;
    const auto convolution = convolution_of(counted({2, 2, 3, 4}), layout, false, stated);
    ASSERT_TRUE(convolution);
    const auto& axes = convolution->layer.axes;
    EXPECT_EQ((Dimensions{axes[0].pad_low, axes[0].pad_high}), (Dimensions{1, 1}));
    EXPECT_EQ((Dimensions{axes[1].pad_low, axes[1].pad_high}), (Dimensions{3, 3}));
    EXPECT_EQ(convolution->assumed, std::vector<std::string>{"padding"});
    EXPECT_FALSE(convolution->input_size);
  }
}

TEST(AuditConvolution, ASizeCountsWhereAllElseIsKnownAndMakesSense) {
  const Layout layout = convolution_layout(3, 1);
  const Tensor kernel = counted({2, 2, 3});
  const auto size = [&](io::StatedConvolution stated, std::int64_t n) {
    stated.settings.input_size = {n};
    return convolution_of(kernel, layout, false, stated)->input_size;
  };
  EXPECT_EQ(size(known({1}), 9), (Dimensions{9}));
  EXPECT_EQ(size(known({}), 9), std::nullopt);
  EXPECT_EQ(size(known({1}, {}), 9), std::nullopt);
  EXPECT_EQ(size(known({1}), 2), std::nullopt) << "the output is empty";
  EXPECT_EQ(size(known({1}), std::int64_t{1} << 30), std::nullopt) << "too large";
  io::StatedConvolution reflected = known({1}, {5});
  reflected.settings.padding = Padding::reflect;
  EXPECT_EQ(size(reflected, 4), std::nullopt) << "the pads are wider than the image";
}

TEST(AuditConvolution, WhatIsSaidLaterCounts) {
  io::StatedConvolution first = known({2}, {1}), later;
  later.settings.stride = {3};
  later.padding = io::StatedPadding::Kind::same_upper;
  later.settings.padding = Padding::circular;
  EXPECT_EQ(io::overlaid(first, later).settings.stride, (Dimensions{3}));
  EXPECT_EQ(io::overlaid(first, later).settings.dilation, (Dimensions{1}));
  EXPECT_EQ(io::overlaid(first, later).settings.pad_low, Dimensions()) << "a word in place of the numbers";
  EXPECT_EQ(io::overlaid(first, later).settings.padding, Padding::zeros) << "no mode was said";
  later.has_mode = true;
  EXPECT_EQ(io::overlaid(first, later).settings.padding, Padding::circular);
  EXPECT_EQ(io::overlaid(later, first).settings.pad_low, (Dimensions{1})) << "numbers in place of the word";
}

// Kernels of pseudo-random numbers.
Tensor kernel_of(const Dimensions& shape) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape).value_or(0)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i * i + 1));
  return Tensor::copy_of(std::span<const double>(values), shape);
}

Figures figures_of(const Tensor& kernel, Context& context) {
  Options options;
  options.full_spectrum = false;
  const std::int64_t rows = kernel.shape()[0];
  return *measure(kernel.reshaped({rows, kernel.size() / rows}), options, context).figures;
}

TEST(AuditConvolution, WithoutOverlapTheNormIsThatOfTheMatrix) {
  Context context;
  const Tensor kernel = kernel_of({3, 2, 2, 3});
  const Figures figures = figures_of(kernel, context);
  for (const std::int64_t size : {0, 6, 7}) {
    io::StatedConvolution stated = known({2, 3}, {0}, {1});
    if (size > 0) stated.settings.input_size = {size, size};
    const auto convolution = convolution_of(kernel, convolution_layout(4, 1), false, stated);
    ASSERT_TRUE(convolution);
    const OperatorNorm norm = operator_norm(*convolution, figures, {}, context);
    EXPECT_EQ(norm.norm.lower.value(), figures.sigma_max.lower.value());
    EXPECT_EQ(norm.norm.upper->value(), figures.sigma_max.upper->value());
    // The general theorems say the same.
    const ConvolutionNorm found = convolution->input_size
                                      ? convolution_norm(kernel, ConvolutionGeometry(convolution->layer, {size, size}))
                                      : convolution_norm(kernel, convolution->layer);
    EXPECT_LE(found.sigma_max.lower.value(), norm.norm.upper->value());
    EXPECT_GE(found.sigma_max.upper->value(), norm.norm.lower.value());
  }
}

TEST(AuditConvolution, NoWindowInsideOfTheImageIsNotTheMatrix) {
  Context context;
  const Tensor kernel = kernel_of({3, 2, 3});
  const Figures figures = figures_of(kernel, context);
  io::StatedConvolution stated = known({3}, {2}, {1});
  stated.settings.input_size = {2};
  const auto convolution = convolution_of(kernel, convolution_layout(3, 1), false, stated);
  ASSERT_TRUE(convolution && convolution->input_size);
  const OperatorNorm norm = operator_norm(*convolution, figures, {}, context);
  // Each of the two windows reads one entry, by the last tap or by the first: less than all three taps.
  EXPECT_LT(norm.norm.upper->value(), figures.sigma_max.lower.value());
}

// sigma <= norm <= sqrt(windows) sigma, whatever work is allowed.
TEST(AuditConvolution, TheNumberOfWindowsBoundsTheNorm) {
  Context context;
  const Tensor kernel = kernel_of({4, 3, 5});
  const Figures figures = figures_of(kernel, context);
  ConvolutionNormOptions little;
  little.most_flops = 1;
  const std::pair<io::StatedConvolution, double> cases[] = {
      {known({1}), 5}, {known({2}), 3}, {known({3}), 2}, {known({4}, {0}, {2}), 3}, {known({3}, {0}, {3}), 5}};
  for (const auto& [stated, windows] : cases) {
    const auto convolution = convolution_of(kernel, convolution_layout(3, 1), false, stated);
    ASSERT_TRUE(convolution);
    const double bound = std::sqrt(windows) * figures.sigma_max.upper->value() * (1 + tolerance::relative(5, 200));
    EXPECT_LE(operator_norm(*convolution, figures, little, context).norm.upper->value(), bound);
    const ConvolutionNorm found = convolution_norm(kernel, convolution->layer);
    EXPECT_LE(found.sigma_max.lower.value(), bound) << "the theorem";
  }
}

}  // namespace
}  // namespace sigmax::audit
