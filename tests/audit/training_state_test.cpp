// State of a training: by the tensors' own names and neighbors, never by the name of a file alone.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/classified.hpp"

namespace sigmax::audit {
namespace {

using namespace testing;
using Entries = std::vector<io::Entry>;

void expect_state(const Entries& entries, const std::string& name, std::string_view evidence,
                  std::string_view reason = "optimizer state") {
  EXPECT_TRUE(is_skipped(told(entries, name), evidence, reason)) << name << ": " << told(entries, name);
}

constexpr const char* kFiles[] = {"mp_rank_00/model_optim_rng.pt",
                                  "best-optimizer-adamw.safetensors",
                                  "model_optim_best.safetensors",
                                  "optimizer_student.npz",
                                  "optimizer.pt",
                                  "scheduler.safetensors",
                                  "scaler.pt",
                                  "random_states_0.safetensors",
                                  "rng_state.pth"};

TEST(TrainingState, TheNameOfAFileProvesNothing) {
  for (const char* file : kFiles) {
    for (const char* name : {"fc.weight", "layers.0.attn.proj", "dense/kernel", "v.weight", "state.fc.weight", "0"}) {
      EXPECT_EQ(told(in_file(entry(name, {6, 4}), file)).substr(0, 5), "dense") << file << ": " << name;
    }
    // Quantized, it counts as unread.
    EXPECT_TRUE(is_skipped(told(in_file(entry("fc.weight", {6, 4}, {}, DType::i8), file)), "-", "integers")) << file;
  }
}

TEST(TrainingState, InAFileOfAnOptimizerLessOfANameIsEnough) {
  for (const char* file : {"optimizer.pt", "run/optim-00001.safetensors", "model_optim_rng.pt"}) {
    for (const char* name : {"state.5.q", "states.0.preconditioner", "layers.0.weight.m", "mu.fc.weight",
                             "0/nu/dense/kernel", "velocity.3", "fc.weight.momentum_buffer"}) {
      expect_state({in_file(entry(name, {6, 4}), file)}, name, "container");
      EXPECT_EQ(is_skipped(told(entry(name, {6, 4})), "container", "optimizer state"), false) << name;
    }
  }
  const io::Entry words = in_file(entry("cuda.0", {2, 816}, {}, DType::u8), "random_states_0.safetensors");
  expect_state({words}, "cuda.0", "container");
}

TEST(TrainingState, ASlotHasTheNameOfItsTensorInFront) {
  for (const auto& [weight, slot] : {std::pair{"dense/kernel", "dense/kernel/adam_m"},
                                     {"dense/kernel", "dense/kernel/adam_v"},
                                     {"dense/kernel:0", "dense/kernel/Adam:0"},
                                     {"dense/kernel:0", "dense/kernel/Adam_1:0"},
                                     {"dense/kernel", "dense/kernel/Momentum"},
                                     {"conv/weights", "conv/weights/RMSProp_1"},
                                     {"fc.weight", "fc.weight.m"},
                                     {"fc.W", "fc.W.v"},
                                     {"fc.weight", "fc.weight_momentum"},
                                     {"fc.w", "fc.w_exp_avg"}}) {
    const Entries both = {entry(weight, {6, 4}), entry(slot, {6, 4})};
    expect_state(both, slot, "companion");
    EXPECT_EQ(told(both, weight).substr(0, 5), "dense") << weight;
  }
  const Entries gradients = {entry("w.weight", {6, 4}), entry("w.weight.grad", {6, 4}), entry("b.weight_grad", {6, 4}),
                             entry("b.weight", {6, 4})};
  expect_state(gradients, "w.weight.grad", "companion", "gradient");
  expect_state(gradients, "b.weight_grad", "companion", "gradient");
  // A short name is not enough where the shapes differ, or where the tensor that it names is absent.
  EXPECT_EQ(told({entry("fc.W", {6, 4}), entry("fc.W.v", {4, 6})}, "fc.W.v"), "dense [out, in] 4x6 shape");
  EXPECT_EQ(told(entry("actor.mu", {4, 6})), "dense [out, in] 4x6 shape");
}

TEST(TrainingState, NamesThatOnlyOptimizersUseAreEnough) {
  for (const char* name : {"adam_m.0", "adam_v.12", "exp_avg.fc.weight", "dense/kernel/adam_m", "exp_avg_sq/fc/kernel",
                           "conv/kernel/Momentum", "conv/weights/Adam_1:0"}) {
    expect_state({entry(name, {6, 4})}, name, "name");
  }
  for (const char* name : {"adam_m.weight", "exp_avg_pool.weight", "momentum.weight", "Adam/kernel"}) {
    EXPECT_EQ(told(entry(name, {6, 4})).substr(0, 5), "dense") << name;
  }
}

TEST(TrainingState, TheOnlyCopyIsNotDropped) {
  for (const char* name : {"shadow_params.0", "ema.shadow_params.3", "swa_state.fc.weight", "optimizer.params.2"}) {
    EXPECT_EQ(told(entry(name, {6, 4})).substr(0, 5), "dense") << name;
  }
  const Entries list = {entry("model.fc.weight", {6, 4}), entry("ema.shadow_params.3", {6, 4})};
  expect_state(list, "ema.shadow_params.3", "container", "running average");
  const Entries state = {entry("model.fc.weight", {6, 4}), entry("swa_state.fc.weight", {6, 4})};
  expect_state(state, "swa_state.fc.weight", "companion", "running average");
  expect_state({entry("optimizer.0.1", {6, 4})}, "optimizer.0.1", "container");
}

TEST(TrainingState, WordsOfAGeneratorAreNamedSo) {
  const auto in_states = [](const char* name) {
    return told(in_file(entry(name, {2, 816}, {}, DType::u8), "random_states_0.safetensors"));
  };
  for (const char* name : {"torch_cuda_manual_seed.0", "rng_state", "numpy"}) {
    EXPECT_TRUE(is_skipped(in_states(name), "container", "optimizer state")) << name;
  }
  for (const char* name : {"fc.weight", "proj", "0"}) EXPECT_TRUE(is_skipped(in_states(name), "-", "integers")) << name;
}

TEST(TrainingState, TheAverageThatTensorflowKeepsBelowAVariable) {
  const Entries both = {entry("dense/kernel:0", {6, 4}), entry("dense/kernel/ExponentialMovingAverage:0", {6, 4})};
  expect_state(both, both[1].name, "companion", "running average");
  EXPECT_EQ(told(both[1]).substr(0, 5), "dense") << "the only copy";
}

}  // namespace
}  // namespace sigmax::audit
