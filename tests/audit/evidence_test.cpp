// Names that say one thing and companions or shapes that say another; and names alone, which must not let a weight pass
// in silence.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/audit_samples.hpp"
#include "audit/classified.hpp"

namespace sigmax::audit {
namespace {

using Entries = std::vector<io::Entry>;
using testing::is_skipped;
using testing::told;

io::Entry named(std::string name, Dimensions shape, DType dtype = DType::f32) {
  return testing::entry(std::move(name), std::move(shape), {}, dtype);
}

void expect_skipped(const Entries& entries, const std::string& name, std::string_view evidence,
                    std::string_view reason) {
  const std::string text = told(entries, name);
  EXPECT_TRUE(is_skipped(text, evidence, reason)) << name << ": " << text;
}

// Normalization scales.

TEST(Evidence, ALayerThatNormalizesAndMultipliesIsALayer) {
  const Entries fused = {named("decoder.0.layernorm_kv.weight", {96, 24}), named("decoder.0.layernorm_kv.bias", {96}),
                         named("decoder.0.layernorm_kv.layer_norm_weight", {24}),
                         named("decoder.1.layernorm_kv.weight", {96, 24})};
  EXPECT_EQ(told(fused, "decoder.0.layernorm_kv.weight"), "dense [out, in] 96x24 companion");
  EXPECT_EQ(told(fused, "decoder.1.layernorm_kv.weight"), "dense [out, in] 96x24 shape");
  for (const char* layer : {"ln_out", "rmsnorm_gate", "norm_v", "post_ln_kv", "norm_cross", "bn2", "gn", "grn"}) {
    const std::string name = std::string(layer) + ".weight";
    EXPECT_EQ(told(named(name, {20, 6})), "dense [out, in] 20x6 shape") << name;
    EXPECT_EQ(told(named(name, {20, 6, 3})), "convolution [out, in, kernel] 20x18 shape") << name;
    EXPECT_EQ(told(named(name, {20, 6, 3, 3})), "convolution [out, in, kernel, kernel] 20x54 shape") << name;
  }
  EXPECT_EQ(told({named("ln_critic.weight", {1, 24}), named("ln_critic.bias", {1})}, "ln_critic.weight"),
            "dense [out, in] 1x24 companion");
  EXPECT_EQ(told(named("film.gamma", {20, 6})), "dense [out, in] 20x6 shape");
}

TEST(Evidence, AScaleIsAVectorOrHasAShiftOfItsOwnShape) {
  for (const Dimensions& shape : {Dimensions{1, 1, 1, 48}, Dimensions{1, 48, 1, 1}, Dimensions{48, 1, 1}}) {
    expect_skipped({named("stage.norm2.weight", shape)}, "stage.norm2.weight", "name", "normalization scale");
    expect_skipped({named("stage.norm2.gamma", shape)}, "stage.norm2.gamma", "name", "normalization scale");
  }
  for (const Dimensions& shape : {Dimensions{2, 6}, Dimensions{4, 6, 6}, Dimensions{4, 2, 6, 6}}) {
    const Entries over_several = {named("ln.weight", shape), named("ln.bias", shape), named("0.weight", shape),
                                  named("0.bias", shape),    named("k.gamma", shape), named("k.beta", shape)};
    for (const char* name : {"ln.weight", "0.weight", "k.gamma", "k.beta"}) {
      expect_skipped(over_several, name, "companion", "normalization scale");
    }
  }
  const Entries batch = {named("bn.weight", {1, 6}), named("bn.running_mean", {1, 6})};
  expect_skipped(batch, "bn.weight", "companion", "normalization scale");
  expect_skipped(batch, "bn.running_mean", "name", "normalization scale");
  EXPECT_EQ(told({named("fc.weight", {6, 1}), named("fc.bias", {6, 1})}, "fc.weight"), "dense [out, in] 6x1 shape")
      << "one input, and a bias as a column";
}

// State of training.

TEST(Evidence, APartOfAModelMayBeCalledOptimizerOrState) {
  for (const char* name : {"state.3.weight", "learned.optimizer.fc.weight", "optim.encoder.kernel",
                           "optimizers.0.weight", "optimizer.state.proj.weight", "optimizer.v.weight"}) {
    EXPECT_EQ(told(named(name, {12, 5})).substr(0, 5), "dense") << name << told(named(name, {12, 5}));
  }
  for (const char* name :
       {"optimizer.state.0.exp_avg", "optimizer.state.exp_avg.decoder.fc.weight", "optim.state.fc.weight.exp_avg_sq",
        "optimizer/momentums/dense/kernel", "optimizer.mu.fc.weight", "optimizer.fp32_from_fp16_params.0.2",
        "opt_state.1.trace.fc.kernel", "optimizer_states.0.state.4.weight", "state.7.momentum_buffer", "state.7.prev",
        "optim_d.state.7.row_var", "optimizer/vars/3"}) {
    expect_skipped({named(name, {12, 5})}, name, "container", "optimizer state");
  }
  const Entries own = {named("state.2.step", {}), named("state.2.curvature", {12, 5})};
  expect_skipped(own, "state.2.curvature", "container", "optimizer state");
  // Moments in 8 bits are no weights that were not read.
  const Entries quantized = {named("state.2.state1", {12, 5}, DType::u8),
                             testing::in_file(named("state.5.q", {12, 5}, DType::i8), "run/optimizer.pt"),
                             testing::in_file(named("state.5.e", {12, 5}, DType::f8_e4m3), "run/optimizer.pt")};
  for (const io::Entry& e : quantized) expect_skipped(quantized, e.name, "container", "optimizer state");
}

TEST(Evidence, CopiesAreKnownBelowOtherWrappers) {
  const auto pair = [](const std::string& model, const std::string& copy) {
    return Entries{named(model, {7, 4}), named(copy, {7, 4})};
  };
  for (const auto& [model, copy] : {std::pair{"model.fc.weight", "model_ema.module.fc.weight"},
                                    {"model.module.fc.weight", "ema.fc.weight"},
                                    {"module.fc.weight", "ema_state_dict.fc.weight"},
                                    {"net.fc.weight", "swa_state_dict.fc.weight"},
                                    {"state_dict.model.fc.weight", "state_dict.model_ema.fcweight"},
                                    {"state_dict.unet.fc.weight", "state_dict.unet.model_ema.fc.weight"},
                                    {"ema.online_model.fc.weight", "ema.ema_model.fc.weight"},
                                    {"g.fc.weight", "g_ema.fc.weight"},
                                    {"fc.weight", "fc.weight_ema"},
                                    {"vq.embed", "vq.embed_avg"},
                                    {"model._orig_mod.fc.weight", "polyak.fc.weight"}}) {
    EXPECT_EQ(told(pair(model, copy), model).substr(0, 4), copy == std::string("vq.embed_avg") ? "embe" : "dens");
    expect_skipped(pair(model, copy), copy, "companion", "running average of another tensor");
  }
  expect_skipped(pair("net.fc.weight", "master_params.fc.weight"), "master_params.fc.weight", "companion",
                 "the optimizer's copy");
  const Entries list = {named("state_dict.fc.weight", {7, 4}), named("callbacks.EMA.ema_weights.0", {7, 4}),
                        named("callbacks.EMA.ema_weights.1", {9, 4})};
  expect_skipped(list, "callbacks.EMA.ema_weights.0", "container", "running average");
  EXPECT_EQ(told(list, "callbacks.EMA.ema_weights.1"), "dense [out, in] 9x4 shape") << "of no weight that is here";
  // No copies: another shape, another part of the model, the only one of its kind, the best of all epochs.
  EXPECT_EQ(told({named("model.fc.weight", {7, 4}), named("ema.fc.weight", {4, 7})}, "ema.fc.weight"),
            "dense [out, in] 4x7 shape");
  EXPECT_EQ(told(pair("attn.proj.weight", "attn.ema_proj.weight"), "attn.ema_proj.weight"),
            "dense [out, in] 7x4 shape");
  EXPECT_EQ(told(pair("proj.weight", "ema_proj.weight"), "ema_proj.weight"), "dense [out, in] 7x4 shape");
  EXPECT_EQ(told(pair("l.0.q_proj.weight", "l.0.swa.q_proj.weight"), "l.0.swa.q_proj.weight"),
            "dense [out, in] 7x4 shape");
  EXPECT_EQ(told(named("ema.fc.weight", {7, 4})), "dense [out, in] 7x4 shape");
  EXPECT_EQ(told(pair("net.fc.weight", "best_state_dict.fc.weight"), "best_state_dict.fc.weight"),
            "dense [out, in] 7x4 shape");
  EXPECT_EQ(told(pair("critic.0.weight", "critic_target.0.weight"), "critic_target.0.weight"),
            "dense [out, in] 7x4 shape");
}

// Tables, biases and scales by name.

TEST(Evidence, ALayerMayBeCalledAfterATable) {
  EXPECT_EQ(told(named("position_encoding.weight", {20, 6, 3, 3})).substr(0, 11), "convolution");
  EXPECT_EQ(told(named("rel_position.weight", {20, 6, 3})).substr(0, 11), "convolution");
  EXPECT_EQ(told({named("pos.weight", {1, 6, 3}), named("pos.bias", {1})}, "pos.weight").substr(0, 11), "convolution");
  expect_skipped({named("pos.weight", {1, 60, 12})}, "pos.weight", "name", "position table");
  EXPECT_EQ(told(named("head.bias_proj", {6, 4})), "dense [out, in] 6x4 shape");
  EXPECT_EQ(told(named("head.mask_proj", {6, 4})), "dense [out, in] 6x4 shape");
  EXPECT_EQ(told(named("head.scale_linear", {6, 4})), "dense [out, in] 6x4 shape");
  EXPECT_EQ(told(named("rope.in_proj", {6, 4})), "dense [out, in] 6x4 shape");
  EXPECT_EQ(told(named("attn.relative_proj", {6, 4})), "dense [out, in] 6x4 shape");
  EXPECT_EQ(told(named("att.time_mix_w1", {64, 32})), "dense [in, out] 32x64 name");
  expect_skipped({named("attn.in_proj_bias", {2, 6})}, "attn.in_proj_bias", "name", "bias");
  expect_skipped({named("decoder.mask_token", {1, 32})}, "decoder.mask_token", "name", "token");
  EXPECT_EQ(told({named("bbox_embed.weight", {40, 8}), named("bbox_embed.bias", {40})}, "bbox_embed.weight"),
            "dense [out, in] 40x8 companion");
}

TEST(Evidence, OneOutputMayBeAKernel) {
  EXPECT_EQ(told(named("out", {1, 20, 3, 3})), "convolution [out, in, kernel, kernel] 1x180 shape");
}

TEST(Evidence, OneEntryAlongTheFirstAxisCountsUnlessItsNameSaysATable) {
  for (const char* name : {"attn.w_q", "lora_A", "theta", "mixer.in_proj", "net.W"}) {
    EXPECT_EQ(told(named(name, {1, 8, 6})), "dense [stack, out, in] 8x6 shape") << name;
  }
  for (const char* name : {"out", "digit_caps.W", "planes.0"}) {
    for (const Dimensions& shape : {Dimensions{1, 1, 3, 3}, Dimensions{1, 20, 4, 4}, Dimensions{1, 20, 14, 14},
                                    Dimensions{1, 7, 7, 20}, Dimensions{1, 8, 5, 6, 4}}) {
      const auto none = std::get<NoMatrix>(classify(named(name, shape), {}));
      EXPECT_TRUE(none.is_weight) << name << to_string(shape);
      EXPECT_NE(none.reason.find("one entry along the first axis"), std::string::npos) << none.reason;
    }
  }
  for (const char* name : {"head.w", "theta", "out"}) {
    const auto none = std::get<NoMatrix>(classify(named(name, {1, 64, 3}), {}));
    EXPECT_TRUE(none.is_weight) << name;
  }
  for (const char* name : {"temporal_embed", "query_tokens", "latents", "noises.noise_0", "input.input", "cls_token"}) {
    expect_skipped({named(name, {1, 8, 6})}, name, "name", "added to activations");
    expect_skipped({named(name, {1, 8, 4, 4})}, name, "name", "added to activations");
  }
  EXPECT_EQ(told(named("vq._codebook.embed", {1, 64, 8})), "embedding [stack, entries, width] 64x8 name");
  // A kernel whose weights a style scales has an axis for the batch in front.
  EXPECT_EQ(told({named("conv1.conv.weight", {1, 8, 6, 3, 3}), named("conv1.conv.modulation.weight", {6, 16})},
                 "conv1.conv.weight"),
            "convolution [stack, out, in, kernel, kernel] 8x54 companion");
  EXPECT_EQ(told(named("conv1.conv.weight", {1, 8, 6, 3, 3})),
            "convolution [out, in, kernel, kernel, kernel] 1x432 shape")
      << "or a kernel with one output, which has the larger norm";
  EXPECT_EQ(told(named("to_rgb1.conv.weight", {1, 3, 16, 1, 1})),
            "convolution [stack, out, in, kernel, kernel] 3x16 shape");
  EXPECT_EQ(told(named("conv3d.weight", {1, 16, 3, 3, 3})),
            "convolution [out, in, kernel, kernel, kernel] 1x432 shape");
  EXPECT_EQ(told({named("c.weight", {1, 8, 1, 3, 3}), named("c.bias", {1})}, "c.weight"),
            "convolution [out, in, kernel, kernel, kernel] 1x72 companion");
}

TEST(Evidence, AVectorInMoreAxesIsNoMatrix) {
  for (const char* name : {"attn.temperature", "pixel_mean", "gamma1", "prelu.alpha", "layer.scaling", "shift"}) {
    for (const Dimensions& shape : {Dimensions{12, 1, 1}, Dimensions{1, 12, 1, 1}, Dimensions{1, 1, 12}}) {
      expect_skipped({named(name, shape)}, name, "shape", "vector in more axes");
    }
  }
  for (const char* name : {"network.0.layer_scale_1", "blk.layer_scale", "block_scale2"}) {
    expect_skipped({named(name, {48, 1, 1})}, name, "name", "scale");
  }
  expect_skipped({named("l.position_layer_embed", {1, 5, 6})}, "l.position_layer_embed", "name", "position table");
  EXPECT_EQ(told(named("conv.weight", {12, 1, 1})).substr(0, 11), "convolution");
  expect_skipped({named("vq._codebook.cluster_size", {1, 64})}, "vq._codebook.cluster_size", "name", "codebook");
}

// Three axes that are no kernel.

TEST(Evidence, ThreeAxesMayBeAStack) {
  EXPECT_EQ(told(named("blocks.3.att.time_maa_w2", {5, 32, 64})), "expert_stack [stack, in, out] 5x64x32 name");
  EXPECT_EQ(told(named("blocks.3.att.time_decay_w1", {64, 32})), "dense [in, out] 32x64 name");
  EXPECT_EQ(told(named("rg_lru.input_gate_weight", {4, 16, 16})), "expert_stack [stack, in, out] 4x16x16 name");
  EXPECT_EQ(told(named("rg_lru.a_gate.w", {4, 16, 16})), "expert_stack [stack, in, out] 4x16x16 name");
  const Entries ensemble = {named("l.weight", {6, 12, 5}), named("l.bias", {6, 5}), named("m.weight", {6, 12, 5}),
                            named("m.bias", {6, 1, 12})};
  EXPECT_EQ(told(ensemble, "l.weight"), "expert_stack [stack, in, out] 6x5x12 companion");
  EXPECT_EQ(told(ensemble, "m.weight"), "expert_stack [stack, out, in] 6x12x5 companion");
}

TEST(Evidence, ThreeAxesWithoutTheNameOfAKernelAreAnAssumption) {
  const Entries model = {named("score.weight", {6, 4, 5}), named("score.bias", {6}),
                         named("conv.weight", {6, 4, 5}),  named("conv.bias", {6}),
                         named("4.weight", {6, 4, 5, 5}),  named("4.bias", {6})};
  EXPECT_EQ(told(model, "score.weight"), "convolution [out, in, kernel] 6x20 shape");
  EXPECT_EQ(told(model, "conv.weight"), "convolution [out, in, kernel] 6x20 companion");
  EXPECT_EQ(told(model, "4.weight"), "convolution [out, in, kernel, kernel] 6x100 companion");
  const auto form = classify(named("biaffine.weight", {6, 4, 5}), {});
  EXPECT_TRUE(is_skipped(told(form), "name", "bilinear form"));
  EXPECT_TRUE(std::get<NoMatrix>(form).is_weight) << "a gate does not pass over it";
}

TEST(Evidence, AShortConvolutionBesideAStateMatrixIsDepthwise) {
  const Entries mixer = {named("l.0.linear_attn.conv1d.weight", {24, 1, 4}), named("l.0.linear_attn.A_log", {6}),
                         named("l.1.conv1d.weight", {24, 1, 4})};
  EXPECT_EQ(told(mixer, "l.0.linear_attn.conv1d.weight"), "convolution [out, in / 24, kernel] 24x1x4 companion");
  EXPECT_EQ(told(mixer, "l.1.conv1d.weight"), "convolution [out, in, kernel] 24x4 shape");
}

// Through the whole audit: what a gate sees.

TEST(Evidence, IntegersOfEightBitsCountAsUnreadInAnAudit) {
  const auto integers = [](const std::string& name, Dimensions shape, DType dtype) {
    io::Entry e = named(name, std::move(shape), dtype);
    e.load = [] { return Tensor(); };
    return e;
  };
  io::Entry moment = integers("state.0.state1", {6, 5}, DType::u8);
  moment.file = "optimizer.pt";
  const Result result = run(checkpoint(
      {random_entry("fc.weight", {6, 5}, 1), integers("mlp.up", {6, 5}, DType::i8),
       integers("attn.rel_index", {6, 5}, DType::i64), integers("attn.causal_mask", {6, 6}, DType::u8),
       std::move(moment), integers("stack.t", {2, 6, 5}, DType::i32), random_entry("stack.t_scale", {2}, 2)}));
  EXPECT_EQ(result.summary.audited, 1);
  EXPECT_EQ(result.summary.unread, 2);
  for (const Skipped& skipped : result.skipped) {
    EXPECT_EQ(skipped.unread_weight, skipped.name == "mlp.up" || skipped.name == "stack.t") << skipped.name;
  }
}

}  // namespace
}  // namespace sigmax::audit
