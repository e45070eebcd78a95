// The norm of LibTorch's convolutions as a term of a loss, against the dense matrix of the layer and its gradient.
#include "bindings/torch/modules/convolution_penalty.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>
#include <torch/utils.h>

#include <cmath>
#include <vector>

#include "bindings/torch/modules/spectral_norm.hpp"

namespace sigmax::torch {
namespace {

// The solver's tolerance, 1e-13, with room for rounding on the way.
constexpr double kSolved = 1e-9;

/// The norm of a layer without bias by LAPACK, differentiable.
template <class Holder>
at::Tensor dense_norm(Holder& layer, std::vector<int64_t> image) {
  int64_t entries = 1;
  for (const int64_t extent : image) entries *= extent;
  image.insert(image.begin(), entries);
  const at::Tensor images = layer->forward(at::eye(entries, at::kDouble).reshape(image));
  return at::linalg_matrix_norm(images.flatten(1), 2);
}

template <class Holder>
void expect_norm_and_gradient(Holder layer, const std::vector<int64_t>& image) {
  layer->to(at::kDouble);
  const std::vector<int64_t> size(image.begin() + 1, image.end());
  const at::Tensor found = convolution_norm(*layer, size, {.tolerance = 1e-13});
  const at::Tensor expected = dense_norm(layer, image);
  EXPECT_NEAR(found.item<double>(), expected.item<double>(), kSolved * expected.item<double>());
  layer->zero_grad();
  found.backward();
  const at::Tensor gradient = layer->weight.grad().clone();
  layer->zero_grad();
  expected.backward();
  // The gradient turns by about the root of the solver's tolerance over the gap.
  EXPECT_LE((gradient - layer->weight.grad()).abs().max().template item<double>(), 1e-5);
  // N is a norm: <gradient, W> = N.
  EXPECT_NEAR((gradient * layer->weight).sum().template item<double>(), found.item<double>(),
              kSolved * found.item<double>());
}

TEST(ConvolutionPenalty, IsTheNormOfTheLayerWithItsGradient) {
  namespace nn = ::torch::nn;
  ::torch::manual_seed(17);
  expect_norm_and_gradient(nn::Conv1d(nn::Conv1dOptions(3, 4, 3).stride(2).padding(1).bias(false)), {3, 11});
  expect_norm_and_gradient(nn::Conv2d(nn::Conv2dOptions(4, 6, {3, 2}).groups(2).dilation({1, 2}).bias(false)),
                           {4, 6, 5});
  expect_norm_and_gradient(nn::Conv2d(nn::Conv2dOptions(2, 3, 4).padding(::torch::kSame).bias(false)), {2, 6, 5});
  expect_norm_and_gradient(
      nn::ConvTranspose2d(nn::ConvTranspose2dOptions(3, 2, 3).stride(2).padding(1).output_padding(1).bias(false)),
      {3, 4, 3});
}

TEST(ConvolutionPenalty, AtEverySizeIsAboveAnySize) {
  ::torch::manual_seed(18);
  ::torch::nn::Conv2d layer(::torch::nn::Conv2dOptions(3, 4, 3).padding(1));
  const double supremum = convolution_norm(*layer).item<double>();
  const double at_a_size = convolution_norm(*layer, {12, 12}).item<double>();
  EXPECT_GT(supremum, at_a_size * (1 - 1e-3));
  EXPECT_LT(supremum, at_a_size * 1.2);
}

TEST(ConvolutionPenalty, OfTheExcessBeginsAtTheTarget) {
  ::torch::manual_seed(19);
  ::torch::nn::Conv2d layer(::torch::nn::Conv2dOptions(3, 4, 3));
  const double norm = convolution_norm(*layer).item<double>();
  const at::Tensor below = convolution_excess(*layer, 2 * norm);
  EXPECT_EQ(below.item<double>(), 0);
  below.backward();
  EXPECT_EQ(layer->weight.grad().abs().max().item<double>(), 0);
  const at::Tensor above = convolution_excess(*layer, norm / 2);
  EXPECT_NEAR(above.item<double>(), norm * norm / 4, 1e-5 * norm * norm);
  layer->zero_grad();
  above.backward();
  // d/dN (N - t)^2 = 2 (N - t), and <dN/dW, W> = N.
  EXPECT_NEAR((layer->weight.grad() * layer->weight).sum().item<double>(), norm * norm, 1e-4 * norm * norm);
  EXPECT_THROW(convolution_excess(*layer, -1), c10::ValueError);
  EXPECT_THROW(convolution_norm(*layer, {2, 2}), c10::ValueError);
}

TEST(ConvolutionPenalty, TakesNormalizedModules) {
  ::torch::manual_seed(20);
  SpectralNorm<::torch::nn::Conv2d> layer(::torch::nn::Conv2dOptions(3, 4, 3).padding(1),
                                          SpectralNormOptions().input_size({6, 6}));
  layer->normalized_weight()->converge();
  layer->eval();
  layer->forward(at::zeros({1, 3, 6, 6}));
  EXPECT_NEAR(convolution_norm(*layer, {6, 6}).item<double>(), 1, 1e-4);
}

}  // namespace
}  // namespace sigmax::torch
