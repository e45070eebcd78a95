// SpectralNorm<M> for every M: it is normalized, it works like any other module, and gradients flow.
#include "bindings/torch/modules/spectral_norm.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/sgd.h>
#include <torch/serialize.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "bindings/torch/modules/state_dict.hpp"
#include "bindings/torch/tests/modules/module_cases.hpp"

namespace sigmax::torch {
namespace {

namespace nn = ::torch::nn;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// The norm of each block of a weight, by LAPACK.
at::Tensor norms_of(const NormalizedWeight& weight, const at::Tensor& value) {
  const at::Tensor w = as_matrix(value, weight.dim());
  return at::linalg_matrix_norm(w.reshape({weight.blocks(), w.size(0) / weight.blocks(), w.size(1)}), 2, {-2, -1});
}

std::vector<std::pair<std::string, std::shared_ptr<NormalizedWeight>>> weights_below(const nn::Module& root) {
  std::vector<std::pair<std::string, std::shared_ptr<NormalizedWeight>>> result;
  for (const auto& item : root.named_modules()) {
    if (auto weight = std::dynamic_pointer_cast<NormalizedWeight>(item.value()))
      result.emplace_back(item.key(), weight);
  }
  return result;
}

// Equal up to rounding: the same few sums in another order.
void expect_close(const at::Tensor& a, const at::Tensor& b, const std::string& what) {
  ASSERT_EQ(a.sizes(), b.sizes()) << what;
  const double scale = b.abs().max().item<double>() + 1e-300;
  EXPECT_LE((a - b).abs().max().item<double>(), 64 * static_cast<double>(b.numel()) * kEpsilon * scale) << what;
}

TEST(SpectralNorm, EveryWeightOfEveryModuleHasNormOneOnceTheStateHasConverged) {
  for (const Case& c : all_cases()) {
    const auto weights = weights_below(*c.module);
    ASSERT_FALSE(weights.empty()) << c.name;
    for (const auto& [name, weight] : weights) {
      weight->converge();
      const at::Tensor norms = norms_of(*weight, weight->value());
      EXPECT_LE((norms - 1).abs().max().item<double>(), kOfConvergedSigma) << c.name << ' ' << name;
    }
    for (const auto& parameter : c.module->named_parameters()) {
      EXPECT_TRUE(parameter.key().find("weight") == std::string::npos || parameter.key().ends_with(".original"))
          << c.name << ": " << parameter.key() << " is left as it was";
    }
  }
}

TEST(SpectralNorm, TheForwardPassReadsTheNormalizedWeights) {
  for (const Case& c : all_cases()) {
    c.module->eval();
    expect_close(c.output(), c.folded_output(), c.name);
    const at::Tensor before = c.output().detach();
    for (const auto& [name, weight] : weights_below(*c.module)) {
      const ::torch::NoGradGuard no_grad;
      weight->original().mul_(3);  // W / sigma does not change
    }
    expect_close(c.output().detach(), before, c.name + " with tripled weights");
  }
}

TEST(SpectralNorm, TheMembersThatTheForwardReadsAreNormalizedBeforeTheFirstForward) {
  SpectralNorm<nn::Linear> layer(30, 20);
  expect_close(layer->weight.to(at::kDouble), layer->normalized_weight()->value().to(at::kDouble), "weight");
  EXPECT_FALSE(at::equal(layer->weight, layer->normalized_weight()->original()));
}

TEST(SpectralNorm, MovesTheStateInTrainingOnly) {
  for (const Case& c : all_cases()) {
    for (const auto& [name, weight] : weights_below(*c.module)) {
      const at::Tensor v = weight->v().clone();
      c.module->eval();
      c.output();
      EXPECT_TRUE(at::equal(v, weight->v())) << c.name << ' ' << name;
    }
    const auto [name, weight] = weights_below(*c.module).front();
    weight->v().copy_(at::ones_like(weight->v()) / std::sqrt(static_cast<double>(weight->v().numel())));
    const at::Tensor v = weight->v().clone();
    c.module->train();
    c.output();
    EXPECT_FALSE(at::equal(v, weight->v())) << c.name << ' ' << name;
  }
}

TEST(SpectralNorm, GradientsAgreeWithFiniteDifferences) {
  for (const Case& c : all_cases()) {
    c.module->eval();  // u and v are constant, as in the derivative
    const auto value = [&] {
      const at::Tensor y = c.output();
      return (y * at::arange(1, y.numel() + 1, at::kDouble).cos()).sum();
    };
    c.module->zero_grad();
    value().backward();
    for (const auto& parameter : c.module->named_parameters()) {
      const at::Tensor gradient = parameter->grad();
      ASSERT_TRUE(gradient.defined()) << c.name << ' ' << parameter.key();
      const at::Tensor direction = at::arange(parameter->numel(), at::kDouble).mul(1.3).sin().view(parameter->sizes());
      const ::torch::NoGradGuard no_grad;
      const double step = 1e-6;
      parameter->add_(direction, step);
      const double above = value().item<double>();
      parameter->sub_(direction, 2 * step);
      const double below = value().item<double>();
      parameter->add_(direction, step);
      const double slope = (gradient * direction).sum().item<double>();
      // The truncation error is step^2 times a third derivative, the rounding error epsilon |value| / step.
      EXPECT_NEAR(slope, (above - below) / (2 * step),
                  tolerance::kFiniteDifference * (1 + std::abs(slope) + std::abs(above)))
          << c.name << ' ' << parameter.key();
    }
  }
}

TEST(SpectralNorm, TwoForwardPassesBeforeOneBackwardPass) {
  SpectralNorm<nn::Linear> layer(5, 4);
  const at::Tensor loss = layer(at::randn({3, 5})).sum() - layer(at::randn({3, 5})).sum();
  loss.backward();
  EXPECT_TRUE(layer->normalized_weight()->original().grad().defined());
  layer->eval();
  const at::Tensor first = layer(at::randn({3, 5})).sum();
  layer->train();
  const at::Tensor second = layer(at::randn({3, 5})).sum();
  (first + second).backward();
}

TEST(SpectralNorm, CloneIsEqualAndIndependent) {
  for (const Case& c : all_cases()) {
    c.module->eval();
    const auto copy = c.module->clone();
    EXPECT_FALSE(copy->is_training()) << c.name;
    const auto before = state_dict(*c.module);
    const auto copied = state_dict(*copy);
    ASSERT_EQ(before.keys(), copied.keys()) << c.name;
    for (const auto& item : before) {
      EXPECT_TRUE(at::equal(item.value(), copied[item.key()])) << c.name << ' ' << item.key();
      EXPECT_NE(item->data_ptr(), copied[item.key()].data_ptr()) << c.name << ' ' << item.key();
    }
    const at::Tensor output = c.output();
    for (const auto& item : copied) item->zero_();
    EXPECT_TRUE(at::equal(output, c.output())) << c.name;
  }
}

struct NetImpl : nn::Cloneable<NetImpl> {
  NetImpl() { reset(); }
  void reset() override {
    first = register_module("first", SpectralNorm<nn::Linear>(6, 5));
    lstm = register_module("lstm", SpectralNorm<nn::LSTM>(5, 4));
    attention = register_module("attention", SpectralNorm<nn::MultiheadAttention>(4, 2));
  }
  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor y = std::get<0>(lstm(first(x)));
    return std::get<0>(attention(y, y, y));
  }
  SpectralNorm<nn::Linear> first = nullptr;
  SpectralNorm<nn::LSTM> lstm = nullptr;
  SpectralNorm<nn::MultiheadAttention> attention = nullptr;
};
TORCH_MODULE(Net);

TEST(SpectralNorm, TheCloneOfAParentHasChildrenThatWork) {
  Net net;
  net->eval();
  const at::Tensor x = at::randn({3, 2, 6});
  const auto copy = std::dynamic_pointer_cast<NetImpl>(net->clone());
  EXPECT_TRUE(at::equal(net(x), copy->forward(x)));
  // The copy's forward reads the parameters that are trained in the copy, not those of the original.
  const at::Tensor before = net(x);
  copy->train();
  copy->forward(x).sum().backward();
  for (const auto& parameter : copy->named_parameters()) {
    EXPECT_TRUE(parameter->grad().defined()) << parameter.key();
    EXPECT_FALSE(net->named_parameters()[parameter.key()].grad().defined()) << parameter.key();
  }
  EXPECT_TRUE(at::equal(before, net(x)));
}

TEST(SpectralNorm, SaveAndLoad) {
  for (const Case& c : all_cases()) {
    std::stringstream file;
    ::torch::save(c.module, file);
    c.module->eval();
    const at::Tensor output = c.output();
    for (const auto& item : state_dict(*c.module)) item->copy_(at::randn_like(item.value()));
    EXPECT_FALSE(at::equal(output, c.output())) << c.name;
    auto target = c.module;
    ::torch::load(target, file);
    EXPECT_TRUE(at::equal(output, c.output())) << c.name;
  }
}

TEST(SpectralNorm, MovesToAnotherTypeWithItsState) {
  for (const Case& c : all_cases()) {
    c.module->to(at::kFloat);
    for (const auto& item : state_dict(*c.module)) EXPECT_EQ(item->scalar_type(), at::kFloat) << c.name << item.key();
    c.module->to(at::kCPU, at::kDouble);
    c.output();
  }
}

TEST(SpectralNorm, StandsInSequential) {
  nn::Sequential net(SpectralNorm<nn::Conv2d>(nn::Conv2dOptions(1, 2, 3)),
                     SpectralNorm<nn::ConvTranspose2d>(nn::ConvTranspose2dOptions(2, 3, 2)),
                     SpectralNorm<nn::Linear>(7, 5));
  const at::Tensor y = net->forward(at::randn({2, 1, 8, 8}));
  EXPECT_EQ(y.sizes(), (std::vector<int64_t>{2, 3, 7, 5}));
  EXPECT_EQ(net->ptr<SpectralNorm<nn::Linear>::Impl>(2)->options.out_features(), 5);
  const auto copy = std::dynamic_pointer_cast<nn::SequentialImpl>(net->clone());
  net->eval();
  copy->eval();
  const at::Tensor x = at::randn({2, 1, 8, 8});
  EXPECT_TRUE(at::equal(net->forward(x), copy->forward(x)));
  nn::Sequential recurrent(SpectralNorm<nn::LSTM>(3, 4));  // tests the default argument of a wrapped forward
  recurrent->forward<std::tuple<at::Tensor, std::tuple<at::Tensor, at::Tensor>>>(at::randn({5, 2, 3}));
}

TEST(SpectralNorm, RowsAreDimensionOneOfTransposedConvolutions) {
  SpectralNorm<nn::ConvTranspose2d> layer(nn::ConvTranspose2dOptions(3, 5, 2));
  EXPECT_EQ(layer->normalized_weight()->dim(), 1);
  EXPECT_EQ(layer->normalized_weight()->u().numel(), 5);
  EXPECT_EQ(layer->normalized_weight()->v().numel(), 12);
  EXPECT_EQ(SpectralNorm<nn::Conv2d>(3, 5, 2)->normalized_weight()->dim(), 0);
}

TEST(SpectralNorm, DimMayBeNegativeAndIsChecked) {
  EXPECT_EQ(SpectralNorm<nn::Linear>(4, 3, SpectralNormOptions().dim(-1))->normalized_weight()->dim(), 1);
  try {
    SpectralNorm<nn::Linear> layer(4, 3, SpectralNormOptions().dim(2));
    FAIL() << "dim 2 of a matrix";
  } catch (const c10::IndexError& error) {
    EXPECT_NE(std::string(error.what()).find("Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
              std::string::npos)
        << error.what();
  }
}

TEST(SpectralNorm, OptionsWithoutMeaningAreRefused) {
  try {
    SpectralNorm<nn::Linear> layer(4, 3, SpectralNormOptions().n_power_iterations(0));
    FAIL() << "no iterations";
  } catch (const c10::ValueError& error) {
    EXPECT_NE(
        std::string(error.what()).find("Expected n_power_iterations to be positive, but got n_power_iterations=0"),
        std::string::npos)
        << error.what();
  }
  EXPECT_THROW(SpectralNorm<nn::Linear>(4, 3, SpectralNormOptions().target(0)), c10::ValueError);
  EXPECT_THROW(SpectralNorm<nn::Linear>(4, 3, SpectralNormOptions().names({"wieght"})), c10::ValueError);
  EXPECT_THROW(SpectralNorm<nn::Linear>(4, 3)->normalized_weight("bias"), c10::ValueError);
  EXPECT_THROW(SpectralNorm<nn::Embedding>(nn::EmbeddingOptions(4, 3).sparse(true)), c10::ValueError);
}

TEST(SpectralNorm, AZeroWeightStaysZero) {
  nn::Linear plain(4, 3);
  {
    const ::torch::NoGradGuard no_grad;
    plain->weight.zero_();
  }
  auto layer = spectral_norm(plain);
  layer(at::ones({1, 4})).sum().backward();
  EXPECT_TRUE(at::equal(layer->weight, at::zeros({3, 4})));
  EXPECT_TRUE(layer->normalized_weight()->original().grad().isfinite().all().item<bool>());
}

TEST(SpectralNorm, TakesOverTheParametersOfAModuleThatExists) {
  nn::Linear plain(4, 3);
  auto layer = spectral_norm(plain);
  EXPECT_EQ(layer->normalized_weight()->original().unsafeGetTensorImpl(), plain->weight.unsafeGetTensorImpl());
  EXPECT_EQ(layer->bias.unsafeGetTensorImpl(), plain->bias.unsafeGetTensorImpl());
}

TEST(SpectralNorm, TargetAtMostAndLearnableScale) {
  const auto norm = [](const SpectralNormOptions& options, double times) {
    nn::Linear plain(6, 5);
    plain->to(at::kDouble);
    const ::torch::NoGradGuard no_grad;
    plain->weight.mul_(times / at::linalg_matrix_norm(plain->weight, 2).item<double>());
    auto layer = spectral_norm(plain, options);
    layer->normalized_weight()->converge();
    return at::linalg_matrix_norm(layer->normalized_weight()->value(), 2).item<double>();
  };
  EXPECT_NEAR(norm(SpectralNormOptions().target(2.5), 7), 2.5, 2.5 * kOfConvergedSigma);
  EXPECT_NEAR(norm(SpectralNormOptions().at_most(true), 7), 1, kOfConvergedSigma);
  EXPECT_NEAR(norm(SpectralNormOptions().at_most(true), 0.3), 0.3, kOfConvergedSigma);
  SpectralNorm<nn::Linear> layer(6, 5, SpectralNormOptions().learnable_scale(true));
  layer(at::ones({1, 6})).sum().backward();
  EXPECT_TRUE(layer->named_parameters()["parametrizations.weight.0.scale"].grad().defined());
}

TEST(SpectralNorm, BlocksAreNormalizedEachByItself) {
  SpectralNorm<nn::LSTM> lstm(nn::LSTMOptions(4, 3), SpectralNormOptions().by_block(true));
  lstm->to(at::kDouble);
  const auto weight = lstm->normalized_weight("weight_hh_l0");
  EXPECT_EQ(weight->blocks(), 4);
  weight->converge();
  EXPECT_LE((norms_of(*weight, weight->value()) - 1).abs().max().item<double>(), kOfConvergedSigma);
  SpectralNorm<nn::MultiheadAttention> attention(nn::MultiheadAttentionOptions(4, 2),
                                                 SpectralNormOptions().by_block(true));
  EXPECT_EQ(attention->normalized_weight("in_proj_weight")->blocks(), 3);
}

TEST(SpectralNorm, AStateThatIsNotOneIsRepairedOnLoading) {
  SpectralNorm<nn::Linear> layer(40, 30);
  const at::Tensor weight = layer->normalized_weight()->value();
  StateDict averaged;
  for (const auto& item : state_dict(*layer)) {
    averaged.insert(item.key(), item.key().ends_with("._u") ? item.value() * 0.5 : item->clone());
  }
  load_state_dict(*layer, averaged);
  const double rounding = tolerance::relative_in<float>(40, 30) * weight.abs().max().item<double>();
  EXPECT_LE((layer->weight - weight).abs().max().item<double>(), rounding);
  averaged["parametrizations.weight.0._u"].zero_();
  load_state_dict(*layer, averaged);
  EXPECT_TRUE(layer->weight.isfinite().all().item<bool>());
}

TEST(SpectralNorm, AnOptimizerTrainsTheOriginal) {
  SpectralNorm<nn::Linear> layer(4, 3);
  ::torch::optim::SGD optimizer(layer->parameters(), 0.1);
  const at::Tensor before = layer->normalized_weight()->original().detach().clone();
  layer(at::ones({1, 4})).sum().backward();
  optimizer.step();
  EXPECT_FALSE(at::equal(before, layer->normalized_weight()->original()));
}

}  // namespace
}  // namespace sigmax::torch
