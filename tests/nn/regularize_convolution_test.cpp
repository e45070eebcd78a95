// Penalties on the operator norms of convolutions: their gradients against differences, and what they do in training.
#include "sigmax/nn/regularize_convolution.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gallery/convolutions.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/grad/check.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Values = std::vector<double>;

ConvolutionLayer square(std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  return {in, out, 1, PaddingMode::Zeros, false, {{3, stride, 1, 1, 1, 0}, {3, stride, 1, 1, 1, 0}}};
}

auto options_of(double scale = 1) {
  auto options = repeatable<nn::ConvolutionRegularizeOptions>();
  options.scale = scale;
  options.tolerance = 1e-13;
  return options;
}

nn::ConvolutionPenaltyValue value_at(std::span<const double> kernel, const ConvolutionLayer& layer,
                                     const std::optional<std::vector<std::int64_t>>& size,
                                     const nn::ConvolutionPenalty& penalty, std::span<double> gradient = {}) {
  Context context(1);
  const nn::ConvolutionWeight<double> weight{Tensor::copy_of(kernel, layer.kernel_shape()), layer, size, gradient};
  return nn::regularize_convolution(weight, penalty, options_of(), context);
}

TEST(ConvolutionRegularizer, HasTheGradientThatDifferencesShow) {
  std::mt19937_64 random(41);
  int compared = 0;
  for (int i = 0; i < 12; ++i) {
    const gallery::DrawnConvolution drawn = gallery::drawn_convolution(random, 300);
    const ConvolutionLayer& layer = drawn.geometry.layer();
    SCOPED_TRACE(describe(layer));
    const Values kernel = gallery::normal(drawn.kernel.size(), random());
    for (const bool at_size : {false, true}) {
      std::optional<std::vector<std::int64_t>> size;
      if (at_size) size = drawn.geometry.input_size();
      const double norm = value_at(kernel, layer, size, nn::penalty::OperatorNorm{}).value;
      for (const nn::ConvolutionPenalty& penalty : {nn::ConvolutionPenalty(nn::penalty::OperatorNorm{}),
                                                    nn::ConvolutionPenalty(nn::penalty::ExcessNorm{0.5 * norm})}) {
        Values gradient(kernel.size());
        const auto found = value_at(kernel, layer, size, penalty, gradient);
        const grad::CheckResult check =
            grad::check_gradient([&](std::span<const double> x) { return value_at(x, layer, size, penalty).value; },
                                 kernel, gradient, {.directions = 3, .coordinates_up_to = 0});
        EXPECT_NE(check.verdict, grad::Verdict::disagree) << check.message;
        if (found.norm.kind == norms::GradientKind::unique && *found.norm.gap > tolerance::kOrdinaryGap) {
          EXPECT_EQ(check.verdict, grad::Verdict::agree) << check.message;
          ++compared;
        }
      }
    }
  }
  EXPECT_GT(compared, 10);
}

TEST(ConvolutionRegularizer, MeansTheNormsThatAreAskedFor) {
  const ConvolutionLayer layer = square(3, 4, 2);
  const Values kernel = gallery::normal(4 * 3 * 9, 5);
  const Tensor stored = Tensor::copy_of(kernel, layer.kernel_shape());
  const ConvolutionNorm every = convolution_norm(stored, layer);
  const double s = value_at(kernel, layer, {}, nn::penalty::OperatorNorm{}).value;
  EXPECT_GE(s, every.sigma_max.lower.value() * (1 - tolerance::kOutward));
  EXPECT_LE(s, every.sigma_max.upper->value());
  const ConvolutionGeometry geometry(layer, {6, 5});
  const double sigma = svd(*convolution<double>(stored, geometry), repeatable<SvdOptions<double>>()).sigma.front();
  const double at_size = value_at(kernel, layer, {{6, 5}}, nn::penalty::OperatorNorm{}).value;
  EXPECT_NEAR(at_size, sigma, tolerance::of_converged<double>(SvdOptions<double>{}.tolerance) * sigma);
  EXPECT_LT(at_size, s);
  const double excess = value_at(kernel, layer, {}, nn::penalty::ExcessNorm{1}).value;
  EXPECT_NEAR(excess, (s - 1) * (s - 1), 8 * tolerance::kEpsilon * s * s);
}

TEST(ConvolutionRegularizer, LeavesLayersBelowTheTargetAlone) {
  const ConvolutionLayer layer = square(2, 2);
  const Values kernel = gallery::normal(2 * 2 * 9, 6);
  const double s = value_at(kernel, layer, {}, nn::penalty::OperatorNorm{}).value;
  for (const double target : {s, 2 * s}) {
    Values gradient(kernel.size(), 3.0);
    EXPECT_EQ(value_at(kernel, layer, {}, nn::penalty::ExcessNorm{target}, gradient).value, 0);
    EXPECT_EQ(gradient, Values(kernel.size(), 3.0));
  }
  Values gradient(kernel.size(), 0.0);
  EXPECT_EQ(value_at(Values(kernel.size(), 0.0), layer, {}, nn::penalty::ExcessNorm{0}, gradient).value, 0);
  EXPECT_EQ(gradient, Values(kernel.size(), 0.0));
}

// Polyak's step for a convex f whose least value is 0, here max(0, S - target): along the gradient g by f / |g|. Each
// step shortens the distance to the set S <= target: sum f^2 / |g|^2 <= distance^2, whatever the set's nearest point
// is.
TEST(ConvolutionRegularizer, BringsNormsDownToTheirTargets) {
  const ConvolutionLayer layer = square(2, 3);
  Values kernel = gallery::normal(2 * 3 * 9, 7);
  const double target = 1;
  const double start = value_at(kernel, layer, {}, nn::penalty::OperatorNorm{}).value;
  double of_kernel = 0;
  for (const double k : kernel) of_kernel += k * k;
  // K target / S lies in the set.
  const double distance = std::sqrt(of_kernel) * (1 - target / start);
  double sum = 0;
  double largest = 0;
  double least = start - target;
  constexpr int kSteps = 150;
  for (int step = 0; step < kSteps; ++step) {
    Values gradient(kernel.size());
    const double excess = std::sqrt(value_at(kernel, layer, {}, nn::penalty::ExcessNorm{target}, gradient).value);
    least = std::min(least, excess);
    if (excess == 0) break;
    double squares = 0;  // of the gradient of S: that of the penalty is 2 excess times as long
    for (const double g : gradient) squares += g * g / (4 * excess * excess);
    sum += excess * excess / squares;
    largest = std::max(largest, std::sqrt(squares));
    for (std::size_t e = 0; e < kernel.size(); ++e) kernel[e] -= gradient[e] / (2 * squares);
  }
  EXPECT_GT(start, 3 * target);
  EXPECT_LE(sum, distance * distance * (1 + tolerance::kFiniteDifference));
  EXPECT_LE(least, distance * largest / std::sqrt(kSteps));
}

TEST(ConvolutionRegularizer, AddsUpOverLayersOfEveryStorageType) {
  std::mt19937_64 random(42);
  std::vector<std::vector<float>> gradients(8);
  std::vector<nn::ConvolutionWeight<float>> weights;
  double sum = 0;
  std::vector<std::vector<float>> expected;
  const nn::ConvolutionPenalty penalty = nn::penalty::ExcessNorm{0.25};
  for (std::vector<float>& gradient : gradients) {
    const gallery::DrawnConvolution drawn = gallery::drawn_convolution(random, 2000);
    const ConvolutionLayer& layer = drawn.geometry.layer();
    gradient.assign(drawn.values.size(), 1);
    std::optional<std::vector<std::int64_t>> size;
    if (weights.size() % 2 == 0) size = drawn.geometry.input_size();
    weights.push_back({drawn.kernel, layer, size, gradient});
    Values alone(drawn.values.size());
    sum += value_at(drawn.values, layer, size, penalty, alone).value;
    expected.emplace_back();
    for (const double g : alone) expected.back().push_back(static_cast<float>(1 - 0.5 * g));
  }
  for (const int threads : {1, 3}) {
    for (std::vector<float>& gradient : gradients) std::ranges::fill(gradient, 1.0F);
    Context context(threads);
    const auto found = nn::regularize_convolutions<float>(weights, penalty, options_of(-0.5), context);
    EXPECT_EQ(found.value, sum);
    EXPECT_EQ(found.layers.size(), weights.size());
    EXPECT_EQ(gradients, expected);
  }
}

TEST(ConvolutionRegularizer, RefusesWhatDoesNotFitBeforeItAddsAnything) {
  const ConvolutionLayer layer = square(1, 1);
  const Tensor kernel = Tensor::copy_of(gallery::normal(9, 8), layer.kernel_shape());
  Values good(9), bad(8);
  const std::vector<nn::ConvolutionWeight<double>> weights{{kernel, layer, {}, good}, {kernel, layer, {}, bad}};
  EXPECT_THROW(nn::regularize_convolutions<double>(weights, nn::penalty::OperatorNorm{}), Error);
  EXPECT_EQ(good, Values(9));
  const std::vector<nn::ConvolutionWeight<double>> first(weights.begin(), weights.begin() + 1);
  for (const double target : {-1.0, std::numeric_limits<double>::infinity(), std::nan("")}) {
    EXPECT_THROW(nn::regularize_convolutions<double>(first, nn::penalty::ExcessNorm{target}), Error);
  }
  EXPECT_THROW(nn::regularize_convolutions<double>(first, nn::penalty::OperatorNorm{}, {.scale = std::nan("")}), Error);
}

}  // namespace
}  // namespace sigmax
