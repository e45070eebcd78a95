// State dicts in both layouts, and their files.
#include "bindings/torch/modules/state_dict.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/utils.h>

#include <filesystem>
#include <string>
#include <vector>

#include "bindings/torch/modules/spectral_norm.hpp"
#include "bindings/torch/tests/modules/module_cases.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::torch {
namespace {

namespace nn = ::torch::nn;

using Names = std::vector<std::string>;

nn::Sequential network() {
  return nn::Sequential(SpectralNorm<nn::Conv2d>(2, 3, 3), nn::BatchNorm2d(3), SpectralNorm<nn::Linear>(4, 5));
}

void expect_equal(const StateDict& a, const StateDict& b) {
  ASSERT_EQ(a.keys(), b.keys());
  for (const auto& item : a) EXPECT_TRUE(at::equal(item.value(), b[item.key()])) << item.key();
}

TEST(StateDict, HasPyTorchsNamesInEitherLayout) {
  SpectralNorm<nn::Linear> layer(4, 3);
  EXPECT_EQ(state_dict(*layer).keys(), (Names{"bias", "parametrizations.weight.original",
                                              "parametrizations.weight.0._u", "parametrizations.weight.0._v"}));
  EXPECT_EQ(state_dict(*layer, StateLayout::hook).keys(), (Names{"bias", "weight_orig", "weight_u", "weight_v"}));
}

TEST(StateDict, ConversionAndBackIsTheIdentity) {
  for (const Case& c : all_cases(SpectralNormOptions().learnable_scale(true))) {
    const StateDict state = state_dict(*c.module);
    const StateDict hook = converted(state, StateLayout::hook);
    for (const std::string& name : hook.keys()) EXPECT_EQ(name.find("parametrizations"), std::string::npos) << name;
    expect_equal(converted(hook, StateLayout::parametrization), state);
  }
}

TEST(StateDict, LeavesNamesAloneThatOnlyLookLikeAState) {
  StateDict state;
  for (const char* name : {"gru_u", "my_parametrizations.weight.original", "_v", "weight_orig_copy", "a.original"}) {
    state.insert(name, at::ones({1}));
  }
  expect_equal(converted(state, StateLayout::parametrization), state);
  expect_equal(converted(state, StateLayout::hook), state);
}

TEST(StateDict, LoadsEitherLayoutInPlace) {
  for (const StateLayout layout : {StateLayout::parametrization, StateLayout::hook}) {
    auto source = network();
    auto target = network();
    const void* memory = target->parameters()[0].data_ptr();
    const LoadReport report = load_state_dict(*target, state_dict(*source, layout));
    EXPECT_TRUE(report.missing.empty() && report.unexpected.empty() && report.normalized.empty());
    expect_equal(state_dict(*target), state_dict(*source));
    EXPECT_EQ(memory, target->parameters()[0].data_ptr());
    source->eval();
    target->eval();
    const at::Tensor x = at::randn({2, 2, 6, 6});
    EXPECT_TRUE(at::equal(source->forward(x), target->forward(x)));
  }
}

TEST(StateDict, APlainNetworkGoesOnNormalized) {
  nn::Linear plain(4, 3);
  SpectralNorm<nn::Linear> layer(4, 3);
  EXPECT_EQ(load_state_dict(*layer, state_dict(*plain)).normalized, Names{"weight"});
  EXPECT_TRUE(at::equal(layer->normalized_weight()->original(), plain->weight));
  layer->normalized_weight()->converge();
  const at::Tensor norm = at::linalg_matrix_norm(layer->normalized_weight()->value().to(at::kDouble), 2);
  EXPECT_NEAR(norm.item<double>(), 1, tolerance::relative_in<float>(4, 3));
}

TEST(StateDict, MissingUnexpectedAndMisshapenNamesAreListedAndNothingIsCopied) {
  auto target = network();
  StateDict before;
  for (const auto& item : state_dict(*target)) before.insert(item.key(), item->clone());
  StateDict state = state_dict(*network());
  state.erase("0.parametrizations.weight.0._u");
  state.insert("4.weight", at::ones({2}));
  state["2.bias"] = at::ones({6});
  try {
    load_state_dict(*target, state);
    FAIL() << "it does not fit";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "[load_state_dict] sizes differ: 2.bias ([6] for [5]); missing: 0.parametrizations.weight.0._u; "
                 "unexpected: 4.weight");
  }
  expect_equal(state_dict(*target), before);
  state["2.bias"] = at::ones({5});
  const LoadReport report = load_state_dict(*target, state, /*strict=*/false);
  EXPECT_EQ(report.missing, Names{"0.parametrizations.weight.0._u"});
  EXPECT_EQ(report.unexpected, Names{"4.weight"});
}

// An early PyTorch stored u and the normalized weight, but not v.
TEST(StateDict, AStateWithoutVGetsOne) {
  SpectralNorm<nn::Linear> layer(4, 3, SpectralNormOptions().iteration(Iteration::v_first));
  layer->to(at::kDouble);
  layer(at::ones({1, 4}, at::kDouble));
  StateDict old = state_dict(*layer, StateLayout::hook);
  old.insert("weight", layer->weight.detach());
  old.erase("weight_v");
  const at::Tensor v = converted(old, StateLayout::parametrization)["parametrizations.weight.0._v"];
  // W has full row rank: W v = sigma u determines v up to the null space, and u^T W v = sigma determines its length.
  const at::Tensor w = layer->normalized_weight()->original().detach();
  const at::Tensor u = layer->normalized_weight()->u();
  const double sigma = layer->normalized_weight()->sigma().item<double>();
  // The rounding of a least-squares solution, and of the products around it.
  const double rounding = tolerance::relative(4, 3, at::linalg_cond(w).item<double>(), 16);
  EXPECT_NEAR(at::dot(u, at::mv(w, v)).item<double>(), sigma, rounding * sigma);
  EXPECT_LE((at::mv(w, v) / at::mv(w, v).norm() - u).abs().max().item<double>(), rounding);
}

TEST(StateDict, FilesComeBackBitForBit) {
  const auto folder = std::filesystem::temp_directory_path() / "sigmax_state_dict_test";
  std::filesystem::create_directories(folder);
  auto source = network();
  const StateDict state = state_dict(*source);
  EXPECT_EQ(state["1.num_batches_tracked"].scalar_type(), at::kLong);
  for (const char* name : {"state.pt", "state.safetensors"}) {
    save_state_dict(state, folder / name);
    const StateDict back = read_state_dict(folder / name);
    EXPECT_EQ(back.size(), state.size());
    for (const auto& item : state) EXPECT_TRUE(at::equal(item.value(), back[item.key()])) << name << ' ' << item.key();
  }
  std::filesystem::remove_all(folder);
  EXPECT_THROW(read_state_dict(folder / "absent.pt"), FileError);
}

}  // namespace
}  // namespace sigmax::torch
