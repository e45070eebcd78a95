// Kernels, stacks of matrices and stacks of kernels: which of the layouts that fit is taken, and when none is.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/classified.hpp"

namespace sigmax::audit {
namespace {

using namespace testing;
using Entries = std::vector<io::Entry>;

// With a bias of that many entries next to it.
std::string with_bias(const std::string& weight, const Dimensions& shape, const std::string& bias, Dimensions entries) {
  return told({entry(weight, shape), entry(bias, std::move(entries))}, weight);
}

// A tensor that no gate passes over.
void expect_doubt(const Entries& entries, const std::string& name, std::string_view reason) {
  for (const io::Entry& e : entries) {
    if (e.name != name) continue;
    const auto classified = classify(e, Siblings(entries));
    const auto* none = std::get_if<NoMatrix>(&classified);
    ASSERT_NE(none, nullptr) << name << ": " << told(classified);
    EXPECT_TRUE(none->is_weight) << name;
    EXPECT_NE(none->reason.find(reason), std::string::npos) << none->reason;
  }
}

TEST(KernelLayout, ABiasDecidesAgainstTheName) {
  EXPECT_EQ(with_bias("conv.weight", {8, 8, 3, 4}, "conv.bias", {4}),
            "convolution [kernel, kernel, in, out] 4x192 companion");
  EXPECT_EQ(with_bias("up.kernel", {5, 5, 8, 6}, "up.bias", {8}),
            "convolution [kernel, kernel, out, in] 8x150 companion");
  EXPECT_EQ(with_bias("c.kernel", {16, 4, 3, 3}, "c.bias", {16}),
            "convolution [out, in, kernel, kernel] 16x36 companion");
  EXPECT_EQ(with_bias("up_transpose/kernel", {2, 2, 8, 6}, "up_transpose/bias", {6}),
            "convolution [kernel, kernel, in, out] 6x32 companion");
}

TEST(KernelLayout, WhereTwoLayoutsFitNoneIsTaken) {
  expect_doubt({entry("g.weight", {4, 4, 3, 8}), entry("g.bias", {8})}, "g.weight", "fits the layouts");
  expect_doubt({entry("d.weight", {3, 3, 8, 1}), entry("d.bias", {8})}, "d.weight", "fits the layouts");
  expect_doubt({entry("d/kernel", {3, 3, 8, 1}), entry("d/bias", {8})}, "d/kernel", "fits the layouts");
  expect_doubt({entry("n.weight", {6, 4, 3, 3}), entry("n.bias", {7})}, "n.weight", "fits no layout");
  expect_doubt({entry("n/w", {6, 4, 3, 3}), entry("n/b", {7})}, "n/w", "fits no layout");
  // The name of one program decides among its own: PyTorch's transposed layers store [in, out, ...].
  EXPECT_EQ(with_bias("up.weight", {64, 3, 3, 3}, "up.bias", {3}), "convolution [in, out, kernel, kernel] 3x576 shape");
  EXPECT_EQ(with_bias("rgb.weight", {3, 16, 3, 3}, "rgb.bias", {3}),
            "convolution [out, in, kernel, kernel] 3x144 shape");
}

TEST(KernelLayout, HaikuAndSonnetKeepTheirOutputsLast) {
  for (const char* layer : {"resnet/~/initial_conv", "conv2_d", "block/conv2_d_1"}) {
    const std::string name = std::string(layer) + "/w", bias = std::string(layer) + "/b";
    EXPECT_EQ(told(entry(name, {3, 3, 16, 8})), "convolution [kernel, kernel, in, out] 8x144 name") << name;
    EXPECT_EQ(told(entry(name, {1, 1, 16, 8})), "convolution [kernel, kernel, in, out] 8x16 name") << name;
    EXPECT_EQ(with_bias(name, {8, 8, 16, 8}, bias, {8}), "convolution [kernel, kernel, in, out] 8x1024 name") << name;
  }
  EXPECT_EQ(told(entry("conv1_d/w", {3, 4, 8})), "convolution [kernel, in, out] 8x12 name");
  EXPECT_EQ(told(entry("conv2_d_transpose/w", {4, 4, 5, 6})), "convolution [kernel, kernel, out, in] 5x96 name");
  EXPECT_EQ(told(entry("linear_1/w", {9, 9})), "dense [in, out] 9x9 name");
  EXPECT_EQ(told(entry("conv2_d.w", {3, 3, 16, 8})), "convolution [kernel, kernel, in, out] 8x144 name");
}

TEST(KernelLayout, KerasNumbersTheVariablesOfALayer) {
  EXPECT_EQ(with_bias("layers/conv2d/vars/0", {3, 3, 4, 5}, "layers/conv2d/vars/1", {5}),
            "convolution [kernel, kernel, in, out] 5x36 name");
  EXPECT_EQ(with_bias("layers/dense/vars/0", {4, 8}, "layers/dense/vars/1", {8}), "dense [in, out] 8x4 companion");
  EXPECT_EQ(told(entry("layers/multi_head_attention/query_dense/vars/0", {16, 2, 8})),
            "dense [in, out, out] 16x16 name");
}

TEST(KernelLayout, ADepthwiseKernelOfKerasHasOneMatrixAChannel) {
  for (const char* layer : {"depthwise_conv2d", "block_depthwise", "dwconv", "layers/depthwise_conv2d/vars"}) {
    const bool numbered = std::string(layer).ends_with("vars");
    const std::string name = std::string(layer) + (numbered ? "/0" : "/kernel");
    const std::string bias = std::string(layer) + (numbered ? "/1" : "/bias");
    EXPECT_EQ(told(entry(name, {3, 3, 8, 1})), "convolution [kernel, kernel, in, out / 8] 8x1x9 name") << name;
    EXPECT_EQ(with_bias(name, {3, 3, 8, 1}, bias, {8}), "convolution [kernel, kernel, in, out / 8] 8x1x9 name") << name;
  }
  EXPECT_EQ(with_bias("depthwise_conv2d/kernel", {3, 3, 8, 2}, "depthwise_conv2d/bias", {16}),
            "convolution [kernel, kernel, in, out / 8] 8x2x9 name");
  EXPECT_EQ(told(entry("depthwise/kernel", {3, 3, 1, 8})), "convolution [kernel, kernel, in / 8, out] 8x1x9 name");
  // What lies in a block called so need not be the depthwise kernel itself.
  EXPECT_EQ(told(entry("depthwise/pointwise/kernel", {1, 1, 8, 6})), "convolution [kernel, kernel, in, out] 6x8 name");
}

TEST(KernelLayout, AKernelOfFlaxMayBeAStack) {
  for (const char* name : {"mixer/kernel", "w_in/kernel", "router/w"}) {
    expect_doubt({entry(name, {6, 9, 4})}, name, "a stack of matrices or a convolution kernel");
    expect_doubt({entry(name, {5, 6, 9, 4})}, name, "a stack of matrices or a convolution kernel");
    EXPECT_EQ(with_bias(name, {3, 9, 4},
                        std::string(name) == "router/w"       ? "router/b"
                        : std::string(name) == "mixer/kernel" ? "mixer/bias"
                                                              : "w_in/bias",
                        {3, 4}),
              "expert_stack [stack, in, out] 3x4x9 companion");
  }
  EXPECT_EQ(told(entry("l/kernel", {1, 9, 4})), "convolution [kernel, in, out] 4x9 name")
      << "the same matrix either way";
}

TEST(KernelLayout, TheLayersOfALoopAreAStack) {
  // PaliGemma's image tower: the axis of the layers comes first.
  const Entries first = {
      entry("img/encoderblock/attn/query/kernel", {5, 16, 2, 8}), entry("img/encoderblock/attn/query/bias", {5, 2, 8}),
      entry("img/encoderblock/attn/out/kernel", {5, 2, 8, 16}), entry("img/encoderblock/attn/out/bias", {5, 16}),
      entry("img/encoderblock/mlp/Dense_0/kernel", {5, 16, 32})};
  EXPECT_EQ(told(first, "img/encoderblock/attn/query/kernel"), "expert_stack [stack, in, out, out] 5x16x16 companion");
  EXPECT_EQ(told(first, "img/encoderblock/attn/out/kernel"), "expert_stack [stack, in, in, out] 5x16x16 companion");
  EXPECT_EQ(told(first, "img/encoderblock/mlp/Dense_0/kernel"), "expert_stack [stack, in, out] 5x32x16 companion");
  // T5X and MaxText: it comes second.
  const Entries second = {
      entry("decoder/layers/mlp/wi_0/kernel", {16, 5, 32}), entry("decoder/layers/mlp/wo/kernel", {32, 5, 16}),
      entry("decoder/layers/attention/query/kernel", {16, 5, 2, 8}),
      entry("decoder/layers/attention/out/kernel", {2, 5, 8, 16}), entry("decoder/layers/norm/scale", {16, 5})};
  EXPECT_EQ(told(second, "decoder/layers/mlp/wi_0/kernel"), "expert_stack [in, stack, out] 5x32x16 companion");
  EXPECT_EQ(told(second, "decoder/layers/attention/query/kernel"),
            "expert_stack [in, stack, out, out] 5x16x16 companion");
  EXPECT_EQ(told(second, "decoder/layers/attention/out/kernel"), "expert_stack [in, stack, in, out] 5x16x16 companion");
  // Alone: by far the shortest axis, or doubt.
  EXPECT_EQ(told(entry("llm/layers/mlp/linear", {5, 32, 16})), "expert_stack [stack, in, out] 5x16x32 name");
  expect_doubt({entry("decoder/layers/mlp/wi/kernel", {12, 4, 8})}, "decoder/layers/mlp/wi/kernel", "loop");
  expect_doubt({entry("decoder/layers/mlp/wi/kernel", {12, 9, 3})}, "decoder/layers/mlp/wi/kernel", "loop");
  expect_doubt({entry("decoder/layers/mix/w", {5, 4, 8, 16})}, "decoder/layers/mix/w", "loop");
  // Numbered layers are no loop.
  EXPECT_EQ(told(entry("encoder/layers/0/attn/query/kernel", {16, 2, 8})), "dense [in, out, out] 16x16 name");
}

TEST(KernelLayout, TheLayerStackOfHaikuIsALoop) {
  const std::string loop = "__layer_stack_no_per_layer/";
  const Entries model = {entry(loop + "linear/w", {5, 32, 32}), entry(loop + "attention/key/w", {5, 32, 16}),
                         entry(loop + "attention/key/b", {5, 16})};
  EXPECT_EQ(told(model, loop + "linear/w"), "expert_stack [stack, in, out] 5x32x32 companion");
  EXPECT_EQ(told(model, loop + "attention/key/w"), "expert_stack [stack, in, out] 5x16x32 companion");
  EXPECT_TRUE(is_skipped(told(model, loop + "attention/key/b"), "companion", "bias"));
  EXPECT_EQ(told({entry("lora/w", {4, 16}), entry("lora/b", {16, 4})}, "lora/b"), "dense [out, in] 16x4 shape");
  const Entries gru = {entry("gru/cell/vars/0", {9, 12}), entry("gru/cell/vars/1", {4, 12}),
                       entry("gru/cell/vars/2", {2, 12})};
  EXPECT_TRUE(is_skipped(told(gru, "gru/cell/vars/2"), "companion", "bias"));
  EXPECT_EQ(told(gru, "gru/cell/vars/1").substr(0, 5), "dense");
}

TEST(KernelLayout, TheProductsOfGemmaAreKnown) {
  EXPECT_EQ(told(entry("layer_0/attn/q_einsum/w", {2, 16, 8})), "dense [out, in, out] 16x16 name");
  EXPECT_EQ(told(entry("layers/attn/q_einsum/w", {5, 2, 16, 8})), "expert_stack [stack, out, in, out] 5x16x16 name");
  EXPECT_EQ(told(entry("layer_0/attn/kv_einsum/w", {2, 1, 16, 8})), "expert_stack [stack, out, in, out] 2x8x16 name");
  EXPECT_EQ(told(entry("layers/attn/attn_vec_einsum/w", {5, 2, 8, 16})),
            "expert_stack [stack, in, in, out] 5x16x16 name");
  EXPECT_EQ(told(entry("layer_0/mlp/gating_einsum", {2, 16, 32})), "expert_stack [stack, in, out] 2x32x16 name");
  expect_doubt({entry("a/mix_einsum/w", {5, 2, 16, 8})}, "a/mix_einsum/w", "equation");
}

TEST(KernelLayout, LinearLayersOfThreeAxesAreAStack) {
  EXPECT_EQ(told(entry("mlp.input_linear.weight", {4, 32, 16})), "expert_stack [stack, out, in] 4x32x16 name");
  EXPECT_EQ(told(entry("mlp.output_linear.weight", {4, 16, 32})), "expert_stack [stack, out, in] 4x16x32 name");
  EXPECT_EQ(told(entry("block_linear", {4, 16, 16})), "expert_stack [stack, out, in] 4x16x16 name");
  EXPECT_EQ(told(entry("linear.weight", {32, 16, 1})), "convolution [out, in, kernel] 32x16 shape");
  EXPECT_EQ(with_bias("linear.weight", {32, 16, 16}, "linear.bias", {32}),
            "convolution [out, in, kernel] 32x256 shape");
}

TEST(KernelLayout, TheWeightsOfAlphafoldHaveABiasForEachLayer) {
  EXPECT_EQ(with_bias("evoformer/transition1/weights", {4, 9, 16}, "evoformer/transition1/bias", {4, 16}),
            "expert_stack [stack, in, out] 4x16x9 companion");
  EXPECT_EQ(with_bias("slim/conv1/weights", {3, 3, 4, 8}, "slim/conv1/biases", {8}),
            "convolution [kernel, kernel, in, out] 8x36 name");
}

TEST(KernelLayout, ABiasForEachKernelMakesAStackOfKernels) {
  EXPECT_EQ(with_bias("dynamic.weight", {4, 8, 6, 3, 3}, "dynamic.bias", {4, 8}),
            "convolution [stack, out, in, kernel, kernel] 4x8x54 companion");
  EXPECT_EQ(with_bias("dyn/kernel", {4, 3, 3, 6, 8}, "dyn/bias", {4, 8}),
            "convolution [stack, kernel, kernel, in, out] 4x8x54 companion");
  EXPECT_EQ(with_bias("heads.weight", {4, 16, 2, 8}, "heads.bias", {4, 2, 8}),
            "expert_stack [stack, in, out, out] 4x16x16 companion");
}

}  // namespace
}  // namespace sigmax::audit
