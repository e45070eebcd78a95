// The gradient of S = max |F(t)|_2 against differences of an independent S, and against what convexity demands.
#include "sigmax/grad/convolution_norm_vjp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using grad::ConvolutionNormGradient;
using grad::ConvolutionNormVjpOptions;
using Values = std::vector<double>;
using Angles = std::array<double, 3>;

// S of a convolution with stride s from the symbol F_1 of stride 1, without polyphase forms: downsampling folds the
// frequencies (t + 2 pi j) / s onto t, so |F(t)|^2 is the norm of the mean over j of F_1 F_1^*.
class Independent {
 public:
  Independent(const ConvolutionLayer& layer, Values kernel) : layer_(layer), kernel_(std::move(kernel)) {
    const Dimensions shape = layer.kernel_shape();
    height_ = shape[0] / layer.groups;
    in_ = shape[1];
  }

  double at(std::int64_t group, const Angles& t) const {
    Matrix<double> gram(2 * height_, 2 * height_);
    double aliases = 1;
    for (const ConvolutionAxis& axis : layer_.axes) aliases *= static_cast<double>(axis.stride);
    for (std::int64_t alias = 0; alias < static_cast<std::int64_t>(aliases); ++alias) {
      const std::vector<std::complex<double>> f = symbol(group, folded(t, alias));
      for (std::int64_t a = 0; a < height_; ++a) {
        for (std::int64_t b = 0; b < height_; ++b) {
          std::complex<double> sum;
          for (std::int64_t i = 0; i < in_; ++i) {
            sum += f[static_cast<std::size_t>(a * in_ + i)] * std::conj(f[static_cast<std::size_t>(b * in_ + i)]);
          }
          gram(a, b) += sum.real() / aliases;
          gram(height_ + a, height_ + b) += sum.real() / aliases;
          gram(a, height_ + b) -= sum.imag() / aliases;
          gram(height_ + a, b) += sum.imag() / aliases;
        }
      }
    }
    return std::sqrt(std::max(0.0, lapack::symmetric_eigen(std::move(gram)).values.back()));
  }

  // The maximum next to t, by steps along the axes.
  double climbed(std::int64_t group, Angles t, double step) const {
    double best = at(group, t);
    while (step > 1e-9) {
      bool is_higher = false;
      for (std::size_t a = 0; a < layer_.axes.size(); ++a) {
        for (const double d : {step, -step}) {
          Angles next = t;
          next[a] += d;
          const double value = at(group, next);
          if (value > best) {
            best = value;
            t = next;
            is_higher = true;
          }
        }
      }
      if (!is_higher) step /= 2;
    }
    return best;
  }

  double supremum() const {
    const std::int64_t n = layer_.axes.size() == 1 ? 96 : layer_.axes.size() == 2 ? 20 : 8;
    std::int64_t points = 1;
    for (std::size_t a = 0; a < layer_.axes.size(); ++a) points *= n;
    const double spacing = 2 * std::numbers::pi / static_cast<double>(n);
    double best = 0;
    for (std::int64_t group = 0; group < layer_.groups; ++group) {
      std::vector<std::pair<double, Angles>> all;
      for (std::int64_t index = 0; index < points; ++index) {
        Angles t{};
        std::int64_t rest = index;
        for (std::size_t a = 0; a < layer_.axes.size(); ++a) {
          t[a] = spacing * static_cast<double>(rest % n);
          rest /= n;
        }
        all.emplace_back(at(group, t), t);
      }
      std::ranges::sort(all, [](const auto& x, const auto& y) { return x.first > y.first; });
      for (std::size_t i = 0; i < 4; ++i) best = std::max(best, climbed(group, all[i].second, spacing));
    }
    return best;
  }

 private:
  Angles folded(const Angles& t, std::int64_t alias) const {
    Angles result{};
    for (std::size_t a = 0; a < layer_.axes.size(); ++a) {
      const std::int64_t stride = layer_.axes[a].stride;
      result[a] = (t[a] + 2 * std::numbers::pi * static_cast<double>(alias % stride)) / static_cast<double>(stride);
      alias /= stride;
    }
    return result;
  }

  std::vector<std::complex<double>> symbol(std::int64_t group, const Angles& t) const {
    std::vector<std::complex<double>> f(static_cast<std::size_t>(height_ * in_));
    const auto taps = static_cast<std::int64_t>(kernel_.size()) / (height_ * layer_.groups * in_);
    for (std::int64_t p = 0; p < taps; ++p) {
      double angle = 0;
      std::int64_t rest = p;
      for (std::size_t a = layer_.axes.size(); a-- > 0;) {
        const ConvolutionAxis& axis = layer_.axes[a];
        angle += static_cast<double>(axis.dilation * (rest % axis.kernel)) * t[a];
        rest /= axis.kernel;
      }
      for (std::int64_t e = 0; e < height_ * in_; ++e) {
        f[static_cast<std::size_t>(e)] +=
            kernel_[static_cast<std::size_t>((group * height_ * in_ + e) * taps + p)] * std::polar(1.0, angle);
      }
    }
    return f;
  }

  ConvolutionLayer layer_;
  Values kernel_;
  std::int64_t height_ = 0;
  std::int64_t in_ = 0;
};

ConvolutionLayer drawn_layer(std::mt19937_64& random) {
  const auto draw = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
  };
  ConvolutionLayer layer;
  layer.groups = draw(0, 2) == 0 ? 2 : 1;
  layer.in_channels = layer.groups * draw(1, 3);
  layer.out_channels = layer.groups * draw(1, 3);
  layer.transposed = draw(0, 3) == 0;
  const std::int64_t axes = draw(0, 9) == 0 ? 3 : draw(1, 2);
  for (std::int64_t a = 0; a < axes; ++a) {
    layer.axes.push_back({draw(1, axes == 3 ? 2 : 3), draw(1, axes == 3 ? 1 : 3), draw(1, 2), draw(0, 2), 0, 0});
  }
  return layer;
}

std::int64_t entries_of(const ConvolutionLayer& layer) { return *element_count(layer.kernel_shape()); }

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double length(const Values& a) { return std::sqrt(dot(a, a)); }

Values sum_of(const Values& a, double h, const Values& b) {
  Values result(a);
  for (std::size_t i = 0; i < a.size(); ++i) result[i] += h * b[i];
  return result;
}

struct Answer {
  ConvolutionNormGradient found;
  Values gradient;
};

Answer answer(const ConvolutionLayer& layer, const Values& kernel, const ConvolutionNormVjpOptions& options = {}) {
  Context context(2);
  Values gradient(kernel.size());
  ConvolutionNormGradient found = grad::convolution_norm_vjp<double>(Tensor::copy_of(kernel, layer.kernel_shape()),
                                                                     layer, options, gradient, context);
  return {std::move(found), std::move(gradient)};
}

// The error of an eigenvalue of a small Gram matrix and of the sums that form it, relative to S |K|.
double rounding_of(const ConvolutionLayer& layer) {
  const std::int64_t n = entries_of(layer) + 2 * layer.kernel_shape()[0];
  return tolerance::relative(n, n);
}

// In units in which a change of K by gap S / sqrt(taps) has the length 1, S is smooth with derivatives of order 1. A
// step of 1e-3 there and one extrapolation leave 1e-12 of them, and rounding is divided by the step.
TEST(ConvolutionNormGradient, AgreesWithDifferencesOfAnIndependentSupremum) {
  std::mt19937_64 random(31);
  int compared = 0;
  for (int i = 0; i < 60; ++i) {
    const ConvolutionLayer layer = drawn_layer(random);
    SCOPED_TRACE(describe(layer) + " transposed " + std::to_string(layer.transposed));
    const Values kernel = gallery::normal(entries_of(layer), random());
    const Answer a = answer(layer, kernel);
    const double s = a.found.norm.value;
    const Independent truth(layer, kernel);
    ASSERT_NEAR(truth.supremum(), s, rounding_of(layer) * length(kernel)) << i;
    ASSERT_TRUE(a.found.supremum && a.found.supremum->upper);
    ASSERT_LE(a.found.supremum->lower.value(), s * (1 + tolerance::kOutward));
    ASSERT_GE(a.found.supremum->upper->value(), s);
    ASSERT_LE(a.found.supremum->upper->value(), s * (1 + 1.1 * ConvolutionNormVjpOptions{}.relative_width));
    if (a.found.norm.kind != norms::GradientKind::unique || *a.found.norm.gap < 0.02) continue;
    ++compared;
    const Values direction = gallery::normal(entries_of(layer), random());
    const double unit = length(direction);
    const double taps = static_cast<double>(entries_of(layer)) / static_cast<double>(layer.kernel_shape()[0]);
    const double step = 1e-3 * *a.found.norm.gap * s / std::sqrt(taps) / unit;
    const auto slope = [&](double h) {
      double ends[2];
      for (int side = 0; side < 2; ++side) {
        const Values there = sum_of(kernel, side == 0 ? h : -h, direction);
        ends[side] = Independent(layer, there).supremum();
      }
      return (ends[0] - ends[1]) / (2 * h);
    };
    const double difference = (4 * slope(step / 2) - slope(step)) / 3;
    const double rounding = rounding_of(layer) * length(kernel) / step;
    ASSERT_TRUE(a.found.error);
    const auto order = static_cast<double>(entries_of(layer));
    EXPECT_LE(*a.found.error, 4 * std::sqrt(taps) * (1e-14 + 2e-16 * order) / *a.found.norm.gap);
    EXPECT_NEAR(dot(a.gradient, direction), difference,
                rounding + (*a.found.error + tolerance::kSumOverTriplets) * unit)
        << i;
  }
  EXPECT_GE(compared, 20);
}

// <G, K> = S, and no S(B) is below S(A) + <G, B - A>: also where the gradient is one of several.
TEST(ConvolutionNormGradient, IsASubgradientOfANorm) {
  std::mt19937_64 random(32);
  for (int i = 0; i < 100; ++i) {
    const ConvolutionLayer layer = drawn_layer(random);
    SCOPED_TRACE(describe(layer));
    Values kernel = gallery::normal(entries_of(layer), random());
    // Small integers and zeros, for ties.
    if (i % 2 == 0) std::ranges::transform(kernel, kernel.begin(), [](double x) { return std::round(x / 1.2); });
    ConvolutionNormVjpOptions options;
    if (i % 3 == 0) options.relative_width = 0;
    const Answer a = answer(layer, kernel, options);
    const double s = a.found.norm.value;
    EXPECT_NEAR(dot(a.gradient, kernel), s, rounding_of(layer) * length(kernel)) << i;
    for (const double distance : {1e-3, 1.0}) {
      const Values other = sum_of(kernel, distance, gallery::normal(entries_of(layer), random()));
      const ConvolutionNorm proven = convolution_norm(Tensor::copy_of(other, layer.kernel_shape()), layer, {});
      EXPECT_GE(proven.sigma_max.upper->value(),
                dot(a.gradient, other) - rounding_of(layer) * (length(kernel) + length(other)))
          << i;
    }
  }
}

TEST(ConvolutionNormGradient, IsThatOfEachStorageTypesValues) {
  std::mt19937_64 random(33);
  for (int i = 0; i < 12; ++i) {
    const ConvolutionLayer layer = drawn_layer(random);
    const Values values = gallery::normal(entries_of(layer), random());
    for (const DType type : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
      const Tensor stored = Tensor::rounded(values, layer.kernel_shape(), type);
      const Tensor flat = stored.reshaped({stored.size()});
      Values exact;
      for (std::int64_t e = 0; e < flat.size(); ++e) exact.push_back(flat.at(std::array<std::int64_t, 1>{e}));
      const Answer expected = answer(layer, exact);
      Context context(1);
      ConvolutionNormVjpOptions options;
      options.scale = -2;
      std::vector<float> gradient(exact.size(), 1.0F);
      const auto found = grad::convolution_norm_vjp<float>(stored, layer, options, gradient, context);
      EXPECT_EQ(found.norm.value, expected.found.norm.value);
      for (std::size_t e = 0; e < exact.size(); ++e) {
        EXPECT_EQ(gradient[e], static_cast<float>(1 - 2 * expected.gradient[e])) << name(type) << " " << e;
      }
    }
  }
}

TEST(ConvolutionNormGradient, DoesNotDependOnThreadsOrScale) {
  std::mt19937_64 random(34);
  for (int i = 0; i < 10; ++i) {
    const ConvolutionLayer layer = drawn_layer(random);
    const Values values = gallery::normal(entries_of(layer), random());
    const Answer expected = answer(layer, values);
    for (const int threads : {1, 5}) {
      for (const int exponent : {-1000, 0, 1000}) {
        Values scaled(values);
        for (double& value : scaled) value = std::ldexp(value, exponent);
        Context context(threads);
        Values gradient(values.size());
        const auto found = grad::convolution_norm_vjp<double>(Tensor::copy_of(scaled, layer.kernel_shape()), layer, {},
                                                              gradient, context);
        EXPECT_EQ(found.norm.value, std::ldexp(expected.found.norm.value, exponent));
        EXPECT_EQ(gradient, expected.gradient);
      }
    }
  }
}

ConvolutionLayer line(std::int64_t taps, std::int64_t channels = 1, std::int64_t groups = 1) {
  return {channels, channels, groups, PaddingMode::Zeros, false, {{taps, 1, 1, 0, 0, 0}}};
}

// |a + b e^{it} + c e^{2it}| with positive a, b, c is largest at 0 alone; with a = -c at pi/2: sqrt(b^2 + 4 a^2).
TEST(ConvolutionNormGradient, HasItsClosedForms) {
  const Answer positive = answer(line(3), {1, 2, 1});
  EXPECT_EQ(positive.found.norm.kind, norms::GradientKind::unique);
  EXPECT_NEAR(positive.found.norm.value, 4, 4 * 8 * tolerance::kEpsilon);
  for (const double g : positive.gradient) EXPECT_NEAR(g, 1, 16 * tolerance::kEpsilon);

  const Answer odd = answer(line(3), {1, 1, -1});
  const double s = std::sqrt(5.0);
  EXPECT_EQ(odd.found.norm.kind, norms::GradientKind::unique);
  EXPECT_NEAR(odd.found.norm.value, s, s * 8 * tolerance::kEpsilon);
  const Values expected{2 / s, 1 / s, -2 / s};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(odd.gradient[i], expected[i], *odd.found.error);
}

TEST(ConvolutionNormGradient, SaysWhereItIsOneOfSeveral) {
  // a + c + |b| at b = 0: at 0 and at pi.
  const Answer points = answer(line(3), {1, 0, 1});
  EXPECT_EQ(points.found.norm.kind, norms::GradientKind::subgradient);
  EXPECT_EQ(points.found.norm.note, "several points attain S");
  EXPECT_NEAR(std::fabs(points.gradient[1]), 1, 16 * tolerance::kEpsilon);
  // |e^{it}| is 1 everywhere.
  const Answer curve = answer(line(3), {0, 1, 0});
  EXPECT_EQ(curve.found.norm.kind, norms::GradientKind::subgradient);
  EXPECT_EQ(curve.found.norm.note, "a curve of points attains S");
  EXPECT_NEAR(curve.gradient[1], 1, 16 * tolerance::kEpsilon);
  // The identity of two channels.
  const Answer multiple = answer(line(1, 2), {1, 0, 0, 1});
  EXPECT_EQ(multiple.found.norm.kind, norms::GradientKind::subgradient);
  EXPECT_EQ(multiple.found.norm.note, "sigma_1 = sigma_2 at the point that attains S");
  const Answer groups = answer(line(2, 2, 2), {1, 2, 2, 1});
  EXPECT_EQ(groups.found.norm.kind, norms::GradientKind::subgradient);
  EXPECT_EQ(groups.found.norm.note, "several groups attain S");
  EXPECT_FALSE(groups.found.error);
}

TEST(ConvolutionNormGradient, OfAZeroKernelIsZero) {
  const Answer a = answer(line(3, 2), Values(12, 0.0));
  EXPECT_EQ(a.found.norm.value, 0);
  EXPECT_EQ(a.found.norm.kind, norms::GradientKind::subgradient);
  EXPECT_EQ(a.gradient, Values(12, 0.0));
  ASSERT_TRUE(a.found.supremum);
  EXPECT_EQ(a.found.supremum->upper->value(), 0);
}

TEST(ConvolutionNormGradient, RefusesWhatDoesNotFit) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(answer(line(3), {1, 2}), Error);
  EXPECT_THROW(answer(line(3), {1, nan, 2}), Error);
  EXPECT_THROW(answer(line(3), {1, 2, 3}, {.scale = nan}), Error);
  EXPECT_THROW(answer(line(3), {1, 2, 3}, {.relative_width = 1}), Error);
  EXPECT_THROW(answer(line(3), {1, 2, 3}, {.most_flops = 0}), Error);
  EXPECT_THROW(answer(line(3), {1, 2, 3}, {.relative_width = 0, .most_flops = 1}), Error);
  Values gradient(2);
  EXPECT_THROW(grad::convolution_norm_vjp<double>(Tensor::copy_of(Values{1, 2, 3}, {1, 1, 3}), line(3), {}, gradient),
               Error);
}

}  // namespace
}  // namespace sigmax
