// SpectralNorm<Conv2d> and its kin by the operator norm, against the dense matrix of the layer.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/utils.h>

#include <cmath>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bindings/torch/modules/spectral_norm.hpp"
#include "bindings/torch/modules/state_dict.hpp"
#include "bindings/torch/tests/modules/module_cases.hpp"

namespace sigmax::torch {
namespace {

namespace nn = ::torch::nn;

/// A layer with its input size, with the type erased.
struct Layer {
  std::string name;
  std::shared_ptr<NormalizedWeight> weight;
  std::function<at::Tensor(const at::Tensor&)> forward;  ///< in evaluation mode
  std::vector<int64_t> input;                            ///< channels and spatial size
  std::shared_ptr<nn::Module> module;
};

template <class Holder, class Options>
Layer layer_of(const std::string& name, const Options& options, std::vector<int64_t> size) {
  SpectralNorm<Holder> layer(options, SpectralNormOptions().input_size(size));
  layer->to(at::kDouble);
  std::vector<int64_t> input{options.in_channels()};
  input.insert(input.end(), size.begin(), size.end());
  layer->eval();
  return {name, layer->normalized_weight(), [layer](const at::Tensor& x) mutable { return layer->forward(x); }, input,
          layer.ptr()};
}

std::vector<Layer> layers() {
  ::torch::manual_seed(11);
  return {
      layer_of<nn::Conv1d>("Conv1d", nn::Conv1dOptions(3, 4, 3).stride(2).padding(1).bias(false), {11}),
      layer_of<nn::Conv2d>("Conv2d", nn::Conv2dOptions(3, 4, 3).padding(1).bias(false), {6, 5}),
      layer_of<nn::Conv2d>("groups", nn::Conv2dOptions(4, 6, {3, 2}).groups(2).dilation({1, 2}).bias(false), {6, 5}),
      layer_of<nn::Conv2d>("same", nn::Conv2dOptions(2, 3, 4).padding(::torch::kSame).bias(false), {6, 5}),
      layer_of<nn::Conv2d>("circular",
                           nn::Conv2dOptions(2, 3, 3).padding(1).padding_mode(::torch::kCircular).bias(false), {6, 5}),
      layer_of<nn::Conv2d>("reflect", nn::Conv2dOptions(2, 3, 3).padding(2).padding_mode(::torch::kReflect).bias(false),
                           {6, 5}),
      layer_of<nn::Conv3d>(
          "replicate", nn::Conv3dOptions(2, 3, 3).padding(1).padding_mode(::torch::kReplicate).bias(false), {3, 4, 3}),
      layer_of<nn::ConvTranspose2d>(
          "transposed", nn::ConvTranspose2dOptions(3, 2, 3).stride(2).padding(1).output_padding(1).bias(false), {4, 3}),
  };
}

double norm_of(const Layer& layer) {
  const ::torch::NoGradGuard no_grad;
  std::vector<int64_t> shape{-1};
  int64_t entries = 1;
  for (const int64_t size : layer.input) {
    shape.push_back(size);
    entries *= size;
  }
  const at::Tensor images = layer.forward(at::eye(entries, at::kDouble).reshape(shape));
  return at::linalg_matrix_norm(images.flatten(1), 2).item<double>();
}

TEST(ConvolutionNorm, OfEveryLayerIsOneOnceTheStateHasConverged) {
  for (const Layer& layer : layers()) {
    layer.weight->converge();
    EXPECT_NEAR(norm_of(layer), 1, kOfConvergedSigma) << layer.name;
  }
}

TEST(ConvolutionNorm, IsCertifiedAsOne) {
  for (const Layer& layer : layers()) {
    layer.weight->converge();
    const Certificate found = layer.weight->certify();
    EXPECT_EQ(found.certainty, "proven") << layer.name;
    EXPECT_LE(found.lower, 1 + kOfConvergedSigma) << layer.name;
    EXPECT_GE(found.upper, 1 - kOfConvergedSigma) << layer.name;
    const Certificate closer = layer.weight->certify(1e-6);
    EXPECT_LE(closer.upper - closer.lower, 1e-6 * closer.upper) << layer.name;
  }
}

TEST(ConvolutionNorm, GradientsAgreeWithFiniteDifferences) {
  for (const Layer& layer : layers()) {
    std::vector<int64_t> shape{1};
    shape.insert(shape.end(), layer.input.begin(), layer.input.end());
    const at::Tensor x = at::randn(shape, at::kDouble);
    const auto value = [&] { return layer.forward(x).square().sum(); };
    const at::Tensor original = layer.weight->original();
    value().backward();
    const at::Tensor direction = at::arange(original.numel(), at::kDouble).mul(1.3).sin().view(original.sizes());
    const double slope = (original.grad() * direction).sum().item<double>();
    const ::torch::NoGradGuard no_grad;
    const double step = 1e-6;
    original.add_(direction, step);
    const double above = value().item<double>();
    original.sub_(direction, 2 * step);
    const double below = value().item<double>();
    EXPECT_NEAR(slope, (above - below) / (2 * step),
                tolerance::kFiniteDifference * (1 + std::abs(slope) + std::abs(above)))
        << layer.name;
  }
}

TEST(ConvolutionNorm, StateDictsAndClonesKeepTheInputSize) {
  for (const StateLayout layout : {StateLayout::parametrization, StateLayout::hook}) {
    SpectralNorm<nn::Conv2d> first(nn::Conv2dOptions(3, 4, 3).padding(1), SpectralNormOptions().input_size({6, 5}));
    SpectralNorm<nn::Conv2d> second(nn::Conv2dOptions(3, 4, 3).padding(1), SpectralNormOptions().input_size({6, 5}));
    const StateDict state = state_dict(*first, layout);
    load_state_dict(*second, state);
    EXPECT_TRUE(at::equal(first->normalized_weight()->value(), second->normalized_weight()->value()));
    const auto copy = std::dynamic_pointer_cast<SpectralNorm<nn::Conv2d>::Impl>(first->clone());
    EXPECT_TRUE(at::equal(first->normalized_weight()->value(), copy->normalized_weight()->value()));
    SpectralNorm<nn::Conv2d> other(nn::Conv2dOptions(3, 4, 3).padding(1), SpectralNormOptions().input_size({5, 6}));
    EXPECT_THROW(load_state_dict(*other, state), std::exception) << "u and v have the same sizes, but not the input";
    SpectralNorm<nn::Conv2d> matrix(nn::Conv2dOptions(3, 4, 3).padding(1));
    EXPECT_THROW(load_state_dict(*matrix, state), std::exception);
  }
}

TEST(ConvolutionNorm, RefusesWhatHasNoMeaning) {
  const auto sized = [] { return SpectralNormOptions().input_size({6, 5}); };
  EXPECT_THROW(SpectralNorm<nn::Linear>(nn::LinearOptions(3, 4), sized()), c10::ValueError);
  EXPECT_THROW(SpectralNorm<nn::Conv2d>(nn::Conv2dOptions(3, 4, 3), sized().dim(1)), c10::ValueError);
  EXPECT_THROW(SpectralNorm<nn::Conv2d>(nn::Conv2dOptions(3, 4, 3), sized().by_block(true)), c10::ValueError);
  EXPECT_THROW(SpectralNorm<nn::Conv2d>(nn::Conv2dOptions(3, 4, 9), sized()), c10::ValueError);
  EXPECT_THROW(SpectralNorm<nn::Conv1d>(nn::Conv1dOptions(3, 4, 3), sized()), c10::ValueError);
}

}  // namespace
}  // namespace sigmax::torch
