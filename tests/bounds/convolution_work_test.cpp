// convolution_norm() where a norm could take hours: many taps, large images, taps far apart, many channels. The work
// that it counts stays within what is allowed, and it ends when it is canceled.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "bounds/convolution_cases.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/infinity.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using convolution_cases::gaussian;
using convolution_cases::kSame3;
using convolution_cases::layer_of;

// A context that is canceled when it begins its piece number `last`.
class Canceling {
 public:
  explicit Canceling(int last)
      : last_(last), context_(2, [this](std::size_t count, const std::function<void(std::size_t)>& body) {
          for (std::size_t i = 0; i < count; ++i) {
            if (++pieces_ == last_) context_.request_cancel();
            body(i);
          }
        }) {}

  Context& context() { return context_; }
  int pieces() const { return pieces_; }

 private:
  int last_;
  int pieces_ = 0;
  Context context_;
};

ConvolutionNormOptions with_flops(double flops) {
  ConvolutionNormOptions options;
  options.most_flops = flops;
  return options;
}

// With many taps and few channels the phases and sums of the coefficients are the work.
TEST(ConvolutionWork, OfManyTapsStaysWithinWhatIsAllowed) {
  struct Case {
    std::int64_t channels;
    std::vector<std::int64_t> taps;
  };
  for (const Case& c : {Case{1, {24, 24}}, Case{4, {12, 12}}, Case{1, {5, 5, 5}}, Case{1, {2000}}}) {
    std::vector<ConvolutionAxis> axes;
    Dimensions shape{c.channels, c.channels};
    for (const std::int64_t taps : c.taps) {
      axes.push_back({.kernel = taps});
      shape.push_back(taps);
    }
    const Tensor kernel = gaussian(shape, 5);
    const ConvolutionLayer layer = layer_of(c.channels, c.channels, axes);
    const ConvolutionNorm most = convolution_norm(kernel, layer, with_flops(2e10));
    for (const double flops : {1.0, 1e7, 3e8, 1e9}) {
      const ConvolutionNorm found = convolution_norm(kernel, layer, with_flops(flops));
      ASSERT_TRUE(found.sigma_max.is_proven());
      EXPECT_LE(found.flops, 1.5 * flops) << c.taps.size() << " axes";
      EXPECT_GE(found.sigma_max.upper->value(), most.sigma_max.lower.value());
      EXPECT_LE(found.sigma_max.lower.value(), most.sigma_max.upper->value());
    }
  }
}

TEST(ConvolutionWork, EndsWithinAFewPiecesWhenItIsCanceled) {
  const ConvolutionAxis axis{.kernel = 24};
  const Tensor many = gaussian({1, 1, 24, 24}, 5);
  const Tensor wide = gaussian({24, 24, 3, 3}, 5);
  const ConvolutionGeometry large(layer_of(24, 24, {kSame3, kSame3}), {300, 300});
  constexpr int kShort = 16;  // pieces of loops over the kernel, which take microseconds and do not ask
  for (const int last : {1, 2, 10, 100}) {
    Canceling every(last);
    EXPECT_THROW(static_cast<void>(convolution_norm(many, layer_of(1, 1, {axis, axis}), {}, every.context())),
                 Canceled);
    EXPECT_LE(every.pieces(), last + kShort);
    Canceling at_size(last);
    EXPECT_THROW(static_cast<void>(convolution_norm(wide, large, {}, at_size.context())), Canceled);
    EXPECT_LE(at_size.pieces(), last + kShort);
  }
}

// The smaller image and the wave at the peak: all paddings, strides, dilations, groups, transposed. The norm at a size
// comes close to the supremum.
TEST(ConvolutionWork, OfALargeImageIsAsLargeAsTheSupremum) {
  const std::int64_t n = 100000;  // 2^16 entries of it show the norm to (pi / 2^16)^2 times a constant
  const auto check = [&](const ConvolutionLayer& layer, std::uint64_t seed) {
    const Tensor kernel = gaussian(layer.kernel_shape(), seed);
    const ConvolutionNorm supremum = convolution_norm(kernel, layer);
    ConvolutionNormOptions options;
    if (layer.padding_mode != PaddingMode::Zeros) options.relative_width = 0.7;  // borders multiply the upper end
    const ConvolutionNorm found = convolution_norm(kernel, ConvolutionGeometry(layer, {n}), options);
    ASSERT_TRUE(found.sigma_max.is_proven());
    EXPECT_GE(found.sigma_max.lower.value(), 0.98 * supremum.sigma_max.lower.value()) << describe(layer);
    EXPECT_LE(found.sigma_max.lower.value(), supremum.sigma_max.upper->value()) << describe(layer);
    EXPECT_LE(found.flops, 1e11) << describe(layer);
    EXPECT_LE(found.sigma_max.relative_width(), options.relative_width > 0 ? options.relative_width : 0.02);
  };
  std::uint64_t seed = 0;
  for (const PaddingMode mode : {PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Replicate}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      for (const std::int64_t dilation : {1, 2, 6}) {
        const ConvolutionAxis axis{4, stride, dilation, dilation, 2, 0};
        check(layer_of(2, 3, {axis}, mode), ++seed);
        check(layer_of(6, 4, {axis}, mode, 2), ++seed);
        if (mode != PaddingMode::Zeros) continue;
        ConvolutionLayer transposed = layer_of(4, 2, {axis}, mode, 2);
        transposed.transposed = true;
        check(transposed, ++seed);
      }
    }
  }
}

// Two products, where Lanczos would take 1e12 flops and more.
TEST(ConvolutionWork, OfLargeImagesIsSmall) {
  const auto check = [&](const ConvolutionLayer& layer, std::vector<std::int64_t> size, double width) {
    const Tensor kernel = gaussian(layer.kernel_shape(), 3);
    ConvolutionNormOptions options;
    options.relative_width = width;
    const ConvolutionNorm found = convolution_norm(kernel, ConvolutionGeometry(layer, std::move(size)), options);
    ASSERT_TRUE(found.sigma_max.is_proven());
    EXPECT_LE(found.flops, 1e11) << describe(layer);
    EXPECT_LE(found.sigma_max.relative_width(), width) << describe(layer);
  };
  const std::int64_t many = 512;
  check(layer_of(16, 16, {kSame3, kSame3}), {1024, 1024}, 0.02);
  check(layer_of(16, 16, {kSame3, kSame3}, PaddingMode::Reflect), {1024, 1024}, 0.55);  // a factor of sqrt(2) an axis
  check(layer_of(3, 2, {kSame3, kSame3, kSame3}), {64, 64, 64}, 0.02);
  check(layer_of(8, 8, {ConvolutionAxis{}, ConvolutionAxis{}}), {1 << 14, 1 << 14}, 0.02);
  check(layer_of(many, many, {kSame3, kSame3}, PaddingMode::Zeros, many), {300, 300}, 0.02);
}

// Every output reads one entry, by the tap in the middle.
TEST(ConvolutionWork, OfTapsFarApartIsThatOfTheTapsThatReadTheImage) {
  const auto check = [](const ConvolutionLayer& layer, std::vector<std::int64_t> size, const Tensor& kernel,
                        double expected) {
    const ConvolutionNorm found = convolution_norm(kernel, ConvolutionGeometry(layer, std::move(size)));
    convolution_cases::expect_inside(found.sigma_max, expected, tolerance::relative(1, 1) * expected);
    EXPECT_LE(found.sigma_max.relative_width(), 0.02);
    EXPECT_LE(found.flops, 1e6);
  };
  const std::int64_t far = std::int64_t{1} << 28;
  const ConvolutionAxis axis{3, 1, far, far, far, 0};
  const Tensor plane = Tensor::copy_of(std::vector<double>{1, 2, 3, 4, -5, 6, 7, 8, 9}, {1, 1, 3, 3});
  check(layer_of(1, 1, {axis, axis}), {8, 5}, plane, 5);
  const Tensor line = Tensor::copy_of(std::vector<double>{1, 2, 3}, {1, 1, 3});
  for (const std::int64_t d : {std::int64_t{1} << 28, std::int64_t{1} << 40}) {
    check(layer_of(1, 1, {ConvolutionAxis{3, 1, d, d, d, 0}}), {8}, line, 2);
    // Two copies of the pads more: the outputs of each class read the entry by all three taps.
    check(layer_of(1, 1, {ConvolutionAxis{3, 1, d, 2 * d, 2 * d, 0}}), {8}, line, std::sqrt(14));
    check(layer_of(1, 1, {ConvolutionAxis{3, d, d, d, d, 0}}), {8}, line, 2);
  }
}

}  // namespace
}  // namespace sigmax
