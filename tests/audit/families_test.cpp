// Names and shapes as public model families have them: what is a weight, and of which layout.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/classified.hpp"

namespace sigmax::audit {
namespace {

using namespace testing;
using Entries = std::vector<io::Entry>;

void expect_skipped(const Entries& entries, const std::string& name, std::string_view evidence,
                    std::string_view reason) {
  const std::string text = told(entries, name);
  EXPECT_TRUE(is_skipped(text, evidence, reason)) << name << ": " << text;
}

TEST(Families, LlamaAndMixtral) {
  const Entries model = {entry("model.embed_tokens.weight", {32000, 512}),
                         entry("model.layers.0.self_attn.q_proj.weight", {512, 512}),
                         entry("model.layers.0.self_attn.k_proj.weight", {128, 512}),
                         entry("model.layers.0.self_attn.rotary_emb.cos_cached", {1, 1, 2048, 64}),
                         entry("model.layers.0.self_attn.rotary_emb.sin_cached", {2048, 64}),
                         entry("model.layers.0.mlp.down_proj.weight", {512, 1376}),
                         entry("model.layers.0.block_sparse_moe.gate.weight", {8, 512}),
                         entry("model.layers.0.block_sparse_moe.experts.0.w1.weight", {1376, 512}),
                         entry("model.layers.1.mlp.experts.gate_up_proj", {8, 2752, 512}),
                         entry("model.layers.1.mlp.experts.down_proj", {8, 512, 1376}),
                         entry("lm_head.weight", {32000, 512})};
  EXPECT_EQ(told(model, "model.embed_tokens.weight"), "embedding [entries, width] 32000x512 name");
  EXPECT_EQ(told(model, "model.layers.0.self_attn.k_proj.weight"), "dense [out, in] 128x512 shape");
  EXPECT_EQ(told(model, "model.layers.0.block_sparse_moe.experts.0.w1.weight"), "dense [out, in] 1376x512 shape");
  EXPECT_EQ(told(model, "model.layers.1.mlp.experts.gate_up_proj"),
            "expert_stack [stack, out, in] 8x2752x512 companion");
  EXPECT_EQ(told(model, "model.layers.1.mlp.experts.down_proj"), "expert_stack [stack, out, in] 8x512x1376 companion");
  EXPECT_EQ(told(model, "lm_head.weight"), "dense [out, in] 32000x512 shape");
  expect_skipped(model, "model.layers.0.self_attn.rotary_emb.cos_cached", "name", "rotary");
  expect_skipped(model, "model.layers.0.self_attn.rotary_emb.sin_cached", "name", "rotary");
}

TEST(Families, GptOssAndLlama4StackTheirExpertsTheOtherWay) {
  const Entries oss = {entry("model.layers.0.mlp.experts.gate_up_proj", {32, 288, 576}),
                       entry("model.layers.0.mlp.experts.gate_up_proj_bias", {32, 576}),
                       entry("model.layers.0.mlp.experts.down_proj", {32, 288, 288}),
                       entry("model.layers.0.mlp.experts.down_proj_bias", {32, 288})};
  EXPECT_EQ(told(oss, "model.layers.0.mlp.experts.gate_up_proj"), "expert_stack [stack, in, out] 32x576x288 companion");
  expect_skipped(oss, "model.layers.0.mlp.experts.gate_up_proj_bias", "name", "bias");
  const Entries llama = {entry("m.experts.gate_up_proj", {16, 512, 2048}),
                         entry("m.experts.down_proj", {16, 1024, 512})};
  EXPECT_EQ(told(llama, "m.experts.gate_up_proj"), "expert_stack [stack, in, out] 16x2048x512 companion");
  EXPECT_EQ(told(llama, "m.experts.down_proj"), "expert_stack [stack, in, out] 16x512x1024 companion");
}

TEST(Families, BertAndMinilm) {
  const Entries model = {entry("embeddings.word_embeddings.weight", {30522, 384}),
                         entry("embeddings.position_embeddings.weight", {512, 384}),
                         entry("embeddings.LayerNorm.weight", {384}),
                         entry("encoder.layer.0.attention.self.query.weight", {384, 384}),
                         entry("encoder.layer.0.intermediate.dense.weight", {1536, 384}),
                         entry("encoder.layer.0.intermediate.dense.bias", {1536}),
                         entry("cls.predictions.bias", {30522})};
  EXPECT_EQ(told(model, "embeddings.word_embeddings.weight"), "embedding [entries, width] 30522x384 name");
  EXPECT_EQ(told(model, "embeddings.position_embeddings.weight"), "embedding [entries, width] 512x384 name")
      << "a table that is looked up, unlike one that is added whole";
  EXPECT_EQ(told(model, "encoder.layer.0.attention.self.query.weight"), "dense [out, in] 384x384 shape");
  EXPECT_EQ(told(model, "encoder.layer.0.intermediate.dense.weight"), "dense [out, in] 1536x384 companion");
}

TEST(Families, Gpt2KeepsItsWeightsInByOutAndNanogptDoesNot) {
  Entries gpt2 = {entry("wte.weight", {50257, 64}),           entry("wpe.weight", {1024, 64}),
                  entry("h.0.attn.bias", {1, 1, 1024, 1024}), entry("h.0.attn.c_attn.weight", {64, 192}),
                  entry("h.0.attn.c_attn.bias", {192}),       entry("h.0.attn.c_proj.weight", {64, 64}),
                  entry("h.0.mlp.c_fc.weight", {64, 256}),    entry("h.0.mlp.c_fc.bias", {256}),
                  entry("h.0.mlp.c_proj.weight", {256, 64})};
  EXPECT_EQ(told(gpt2, "h.0.attn.c_attn.weight"), "dense [in, out] 192x64 companion");
  EXPECT_EQ(told(gpt2, "h.0.attn.c_proj.weight"), "dense [in, out] 64x64 name");
  EXPECT_EQ(told(gpt2, "h.0.mlp.c_fc.weight"), "dense [in, out] 256x64 companion");
  EXPECT_EQ(told(gpt2, "h.0.mlp.c_proj.weight"), "dense [in, out] 64x256 name");
  EXPECT_EQ(told(gpt2, "wpe.weight"), "embedding [entries, width] 1024x64 name");
  expect_skipped(gpt2, "h.0.attn.bias", "name", "attention mask");
  const Entries nano = {entry("h.0.attn.c_attn.weight", {192, 64}), entry("h.0.attn.c_proj.weight", {64, 64}),
                        entry("h.0.mlp.c_fc.weight", {256, 64}), entry("h.0.mlp.c_proj.weight", {64, 256})};
  EXPECT_EQ(told(nano, "h.0.attn.c_attn.weight"), "dense [out, in] 192x64 shape");
  EXPECT_EQ(told(nano, "h.0.attn.c_proj.weight"), "dense [out, in] 64x64 shape");
  EXPECT_EQ(told(nano, "h.0.mlp.c_proj.weight"), "dense [out, in] 64x256 shape");
}

TEST(Families, VitSwinAndClip) {
  const Entries model = {entry("cls_token", {1, 1, 192}),
                         entry("pos_embed", {1, 197, 192}),
                         entry("patch_embed.proj.weight", {192, 3, 16, 16}),
                         entry("patch_embed.proj.bias", {192}),
                         entry("blocks.0.attn.qkv.weight", {576, 192}),
                         entry("embeddings.position_embeddings", {1, 197, 192}),
                         entry("layers.0.blocks.0.attn.relative_position_bias_table", {169, 3}),
                         entry("layers.0.blocks.0.attn.relative_position_index", {49, 49}, {}, DType::i64),
                         entry("layers.0.blocks.1.attn_mask", {64, 49, 49}),
                         entry("layers.0.blocks.0.attn.relative_coords_table", {1, 13, 13, 2}),
                         entry("layers.0.blocks.0.attn.logit_scale", {3, 1, 1}),
                         entry("blocks.0.attn.rel_pos_h", {27, 64}),
                         entry("visual.positional_embedding", {50, 768}),
                         entry("blocks.0.ls1.gamma", {192})};
  EXPECT_EQ(told(model, "patch_embed.proj.weight"), "convolution [out, in, kernel, kernel] 192x768 companion");
  EXPECT_EQ(told(model, "blocks.0.attn.qkv.weight"), "dense [out, in] 576x192 shape");
  EXPECT_EQ(told(model, "visual.positional_embedding"), "embedding [entries, width] 50x768 name");
  expect_skipped(model, "pos_embed", "name", "position");
  expect_skipped(model, "embeddings.position_embeddings", "name", "position");
  expect_skipped(model, "cls_token", "name", "added to activations");
  expect_skipped(model, "layers.0.blocks.0.attn.relative_position_bias_table", "name", "relative position");
  expect_skipped(model, "layers.0.blocks.0.attn.relative_coords_table", "name", "relative position");
  expect_skipped(model, "layers.0.blocks.0.attn.relative_position_index", "-", "integers");
  expect_skipped(model, "layers.0.blocks.1.attn_mask", "name", "mask");
  expect_skipped(model, "layers.0.blocks.0.attn.logit_scale", "name", "scale");
  expect_skipped(model, "blocks.0.attn.rel_pos_h", "name", "relative position");
}

TEST(Families, ResnetMobilenetAndConvnext) {
  const Entries mobilenet = {
      entry("features.0.0.weight", {32, 3, 3, 3}),          entry("features.1.conv.0.0.weight", {32, 1, 3, 3}),
      entry("features.1.conv.1.weight", {16, 32, 1, 1}),    entry("features.2.conv.0.0.weight", {96, 16, 1, 1}),
      entry("features.2.conv.1.0.weight", {96, 1, 3, 3}),   entry("features.10.conv.0.0.weight", {384, 64, 1, 1}),
      entry("features.10.conv.1.0.weight", {384, 1, 3, 3}), entry("classifier.1.weight", {1000, 1280})};
  EXPECT_EQ(told(mobilenet, "features.0.0.weight"), "convolution [out, in, kernel, kernel] 32x27 shape");
  EXPECT_EQ(told(mobilenet, "features.1.conv.0.0.weight"),
            "convolution [out, in / 32, kernel, kernel] 32x1x9 companion");
  EXPECT_EQ(told(mobilenet, "features.2.conv.1.0.weight"),
            "convolution [out, in / 96, kernel, kernel] 96x1x9 companion");
  EXPECT_EQ(told(mobilenet, "features.10.conv.1.0.weight"),
            "convolution [out, in / 384, kernel, kernel] 384x1x9 companion");
  EXPECT_EQ(told(entry("stages.0.blocks.0.conv_dw.weight", {96, 1, 7, 7})),
            "convolution [out, in / 96, kernel, kernel] 96x1x49 name");
  EXPECT_EQ(told(entry("convnext.encoder.stages.0.layers.0.dwconv.weight", {96, 1, 7, 7})),
            "convolution [out, in / 96, kernel, kernel] 96x1x49 name");
  const Entries resnet = {entry("conv1.weight", {64, 3, 7, 7}), entry("layer1.0.conv2.weight", {64, 64, 3, 3}),
                          entry("bn1.running_mean", {64}), entry("fc.weight", {1000, 512}), entry("fc.bias", {1000})};
  EXPECT_EQ(told(resnet, "conv1.weight"), "convolution [out, in, kernel, kernel] 64x147 shape");
  EXPECT_EQ(told(resnet, "fc.weight"), "dense [out, in] 1000x512 companion");
  expect_skipped({entry("grn.weight", {1, 1, 1, 384})}, "grn.weight", "name", "normalization");
}

TEST(Families, AnImageOfOneChannelMakesNoDepthwiseConvolution) {
  const Entries lenet = {entry("conv1.weight", {16, 1, 3, 3}), entry("conv1.bias", {16}),
                         entry("conv2.weight", {32, 16, 3, 3}), entry("classifier.weight", {16, 64})};
  EXPECT_EQ(told(lenet, "conv1.weight"), "convolution [out, in, kernel, kernel] 16x9 companion");
  const Entries numbered = {entry("net.0.weight", {16, 1, 3, 3}), entry("net.3.weight", {16, 16, 3, 3})};
  EXPECT_EQ(told(numbered, "net.0.weight"), "convolution [out, in, kernel, kernel] 16x9 shape");
  const Entries text = {entry("convs.0.weight", {100, 1, 3, 300}), entry("convs.1.weight", {100, 1, 4, 300})};
  EXPECT_EQ(told(text, "convs.1.weight"), "convolution [out, in, kernel, kernel] 100x1200 shape");
}

TEST(Families, WhisperT5AndDeberta) {
  const Entries whisper = {entry("model.encoder.conv1.weight", {384, 80, 3}),
                           entry("model.encoder.conv1.bias", {384}),
                           entry("model.decoder.embed_tokens.weight", {51865, 384}),
                           entry("model.decoder.embed_positions.weight", {448, 384}),
                           entry("encoder.positional_embedding", {1500, 384}),
                           entry("decoder.mask", {448, 448})};
  EXPECT_EQ(told(whisper, "model.encoder.conv1.weight"), "convolution [out, in, kernel] 384x240 companion");
  EXPECT_EQ(told(whisper, "model.decoder.embed_positions.weight"), "embedding [entries, width] 448x384 name");
  expect_skipped(whisper, "decoder.mask", "name", "mask");
  const Entries t5 = {entry("shared.weight", {32128, 512}),
                      entry("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", {32, 8}),
                      entry("encoder.block.0.layer.0.SelfAttention.q.weight", {384, 512}),
                      entry("deberta.encoder.rel_embeddings.weight", {512, 768})};
  EXPECT_EQ(told(t5, "shared.weight"), "embedding [entries, width] 32128x512 name");
  EXPECT_EQ(told(t5, "encoder.block.0.layer.0.SelfAttention.q.weight"), "dense [out, in] 384x512 shape");
  EXPECT_EQ(told(t5, "deberta.encoder.rel_embeddings.weight"), "embedding [entries, width] 512x768 name");
  expect_skipped(t5, "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "name",
                 "relative position");
}

TEST(Families, StableDiffusionAndDiffusionTransformers) {
  const Entries unet = {entry("time_embedding.linear_1.weight", {1280, 320}),
                        entry("down_blocks.0.resnets.0.time_emb_proj.weight", {320, 1280}),
                        entry("conv_in.weight", {320, 4, 3, 3}),
                        entry("mid_block.attentions.0.proj_in.weight", {1280, 1280, 1, 1}),
                        entry("add_embedding.linear_1.weight", {1280, 2816}),
                        entry("pos_embed.proj.weight", {1536, 16, 2, 2}),
                        entry("scale_shift_table", {6, 1152}),
                        entry("transformer_blocks.0.norm1.linear.weight", {6912, 1152}),
                        entry("model.diffusion_model.input_blocks.1.0.weight", {320, 320, 3, 3}),
                        entry("model_ema.diffusion_modelinput_blocks10weight", {320, 320, 3, 3})};
  EXPECT_EQ(told(unet, "time_embedding.linear_1.weight"), "dense [out, in] 1280x320 shape");
  EXPECT_EQ(told(unet, "down_blocks.0.resnets.0.time_emb_proj.weight"), "dense [out, in] 320x1280 shape");
  EXPECT_EQ(told(unet, "add_embedding.linear_1.weight"), "dense [out, in] 1280x2816 shape");
  EXPECT_EQ(told(unet, "conv_in.weight"), "convolution [out, in, kernel, kernel] 320x36 shape");
  EXPECT_EQ(told(unet, "pos_embed.proj.weight"), "convolution [out, in, kernel, kernel] 1536x64 shape");
  EXPECT_EQ(told(unet, "transformer_blocks.0.norm1.linear.weight"), "dense [out, in] 6912x1152 shape");
  expect_skipped(unet, "scale_shift_table", "name", "scale");
  expect_skipped(unet, "model_ema.diffusion_modelinput_blocks10weight", "companion", "average");
}

TEST(Families, MambaAndRwkv) {
  const Entries mamba = {entry("backbone.layers.0.mixer.in_proj.weight", {3072, 768}),
                         entry("backbone.layers.0.mixer.conv1d.weight", {1536, 1, 4}),
                         entry("backbone.layers.0.mixer.conv1d.bias", {1536}),
                         entry("backbone.layers.0.mixer.A_log", {1536, 16}),
                         entry("backbone.layers.0.mixer.x_proj.weight", {80, 1536})};
  EXPECT_EQ(told(mamba, "backbone.layers.0.mixer.conv1d.weight"),
            "convolution [out, in / 1536, kernel] 1536x1x4 companion");
  EXPECT_EQ(told(mamba, "backbone.layers.0.mixer.x_proj.weight"), "dense [out, in] 80x1536 shape");
  expect_skipped(mamba, "backbone.layers.0.mixer.A_log", "name", "state space");
  const Entries rwkv = {entry("emb.weight", {65536, 512}), entry("blocks.0.att.time_decay", {8, 64}),
                        entry("blocks.0.att.time_mix_k", {1, 1, 512}), entry("blocks.0.att.key.weight", {512, 512})};
  EXPECT_EQ(told(rwkv, "emb.weight"), "embedding [entries, width] 65536x512 name");
  EXPECT_EQ(told(rwkv, "blocks.0.att.key.weight"), "dense [out, in] 512x512 shape");
  expect_skipped(rwkv, "blocks.0.att.time_decay", "name", "state space");
  expect_skipped(rwkv, "blocks.0.att.time_mix_k", "name", "state space");
}

TEST(Families, ScalesOfQuantizedWeights) {
  const Entries deepseek = {entry("l.down_proj.weight", {256, 256}, {}, DType::f8_e4m3),
                            entry("l.down_proj.weight_scale_inv", {2, 2})};
  expect_skipped(deepseek, "l.down_proj.weight_scale_inv", "companion", "scale");
  const Entries gptq = {entry("l.q_proj.qweight", {32, 64}, {}, DType::i32),
                        entry("l.q_proj.qzeros", {2, 8}, {}, DType::i32),
                        entry("l.q_proj.scales", {2, 64}, {}, DType::f16)};
  expect_skipped(gptq, "l.q_proj.scales", "companion", "scale");
  const Entries mlx = {entry("l.q_proj.weight", {64, 8}, {}, DType::u32), entry("l.q_proj.scales", {64, 2}),
                       entry("l.q_proj.biases", {64, 2})};
  expect_skipped(mlx, "l.q_proj.scales", "companion", "scale");
  expect_skipped(mlx, "l.q_proj.biases", "companion", "zero point");
  const Entries compressed = {entry("l.o_proj.weight_packed", {64, 8}, {}, DType::i32),
                              entry("l.o_proj.weight_scale", {64, 2}), entry("l.o_proj.weight_zero_point", {64, 2})};
  expect_skipped(compressed, "l.o_proj.weight_scale", "companion", "scale");
  expect_skipped(compressed, "l.o_proj.weight_zero_point", "companion", "zero point");
  const Entries experts = {entry("m.experts.gate_up_proj", {8, 64, 32}, {}, DType::f8_e4m3),
                           entry("m.experts.gate_up_proj_scale_inv", {8, 2, 1})};
  expect_skipped(experts, "m.experts.gate_up_proj_scale_inv", "companion", "scale");
  const Entries hqq = {entry("l.k.W_q", {64, 8}, {}, DType::u8), entry("l.k.scale", {64, 1}),
                       entry("l.k.zero", {64, 1})};
  expect_skipped(hqq, "l.k.scale", "companion", "scale");
  expect_skipped(hqq, "l.k.zero", "companion", "zero point");
  expect_skipped({entry("l.v_proj.scales", {2, 64})}, "l.v_proj.scales", "name", "scale");
  EXPECT_EQ(told(entry("upscale.weight", {64, 32})), "dense [out, in] 64x32 shape");
  EXPECT_EQ(told(entry("scale.weight", {64, 32})), "dense [out, in] 64x32 shape");
}

TEST(Families, StateOfTraining) {
  const auto optimizer = [](const std::string& name) {
    return in_file(entry(name, {6, 4}), "checkpoint-500/optimizer.pt");
  };
  const Entries trainer = {entry("weight", {6, 4}), optimizer("state.0.exp_avg"), optimizer("state.0.exp_avg_sq")};
  EXPECT_EQ(told(trainer, "weight"), "dense [out, in] 6x4 shape");
  expect_skipped(trainer, "state.0.exp_avg", "container", "optimizer state");
  expect_skipped({entry("state.3.momentum_buffer", {6, 4})}, "state.3.momentum_buffer", "container", "optimizer state");
  expect_skipped({entry("optimizer_states.0.state.7.exp_avg_sq", {6, 4})}, "optimizer_states.0.state.7.exp_avg_sq",
                 "container", "optimizer state");
  expect_skipped({entry("opt_state/0/mu/dense/kernel", {6, 4})}, "opt_state/0/mu/dense/kernel", "container",
                 "optimizer state");
  expect_skipped({entry("shard.exp_avg", {6, 4})}, "shard.exp_avg", "name", "optimizer state");
  const Entries averages = {entry("params.conv.weight", {8, 3, 3, 3}), entry("params_ema.conv.weight", {8, 3, 3, 3}),
                            entry("params_ema.other.weight", {8, 3})};
  EXPECT_EQ(told(averages, "params.conv.weight"), "convolution [out, in, kernel, kernel] 8x27 shape");
  expect_skipped(averages, "params_ema.conv.weight", "companion", "average");
  EXPECT_EQ(told(averages, "params_ema.other.weight"), "dense [out, in] 8x3 shape") << "an average of nothing here";
  const Entries files = {in_file(entry("fc.weight", {8, 3}), "model.pt"),
                         in_file(entry("fc.weight", {8, 3}), "model_ema.pt")};
  EXPECT_EQ(told(classify(files[0], Siblings(files))), "dense [out, in] 8x3 shape");
  EXPECT_TRUE(is_skipped(told(classify(files[1], Siblings(files))), "companion", "average"));
}

TEST(Families, WeightNormalizationStoresNoWeight) {
  const Entries old = {entry("ups.0.weight_g", {512, 1, 1}), entry("ups.0.weight_v", {512, 256, 16})};
  expect_skipped(old, "ups.0.weight_g", "companion", "magnitude");
  expect_skipped(old, "ups.0.weight_v", "companion", "direction");
  const Entries parametrized = {entry("c.parametrizations.weight.original0", {8, 1, 1}),
                                entry("c.parametrizations.weight.original1", {8, 4, 3})};
  expect_skipped(parametrized, "c.parametrizations.weight.original0", "companion", "magnitude");
  expect_skipped(parametrized, "c.parametrizations.weight.original1", "companion", "direction");
  EXPECT_EQ(told(entry("c.parametrizations.weight.original", {8, 4, 3})), "convolution [out, in, kernel] 8x12 shape");
}

TEST(Families, FlaxAndKeras) {
  const Entries flax = {
      entry("params/Conv_0/kernel", {3, 3, 16, 32}), entry("params/ConvTranspose_0/kernel", {2, 2, 32, 16}),
      entry("params/Dense_0/kernel", {512, 10}),     entry("params/Dense_0/bias", {10}),
      entry("params/Embed_0/embedding", {1000, 64}), entry("params/attn/query/kernel", {64, 4, 16}),
      entry("params/attn/out/kernel", {4, 16, 64}),  entry("params/attn/query/bias", {4, 16}),
      entry("params/pos_embedding", {1, 197, 64})};
  EXPECT_EQ(told(flax, "params/Conv_0/kernel"), "convolution [kernel, kernel, in, out] 32x144 name");
  EXPECT_EQ(told(flax, "params/ConvTranspose_0/kernel"), "convolution [kernel, kernel, in, out] 16x128 name");
  EXPECT_EQ(told(flax, "params/Dense_0/kernel"), "dense [in, out] 10x512 companion");
  EXPECT_EQ(told(flax, "params/Embed_0/embedding"), "embedding [entries, width] 1000x64 name");
  EXPECT_EQ(told(flax, "params/attn/query/kernel"), "dense [in, out, out] 64x64 name");
  EXPECT_EQ(told(flax, "params/attn/out/kernel"), "dense [in, in, out] 64x64 name");
  expect_skipped(flax, "params/attn/query/bias", "name", "bias");
  expect_skipped(flax, "params/pos_embedding", "name", "position");
  const Entries keras = {entry("block1_conv1/kernel:0", {3, 3, 3, 64}),
                         entry("conv2d_transpose/kernel:0", {4, 4, 16, 32}),
                         entry("depthwise_conv2d/depthwise_kernel:0", {3, 3, 32, 2}),
                         entry("separable_conv2d/pointwise_kernel:0", {1, 1, 64, 128}),
                         entry("lstm/lstm_cell/kernel:0", {10, 32}),
                         entry("lstm/lstm_cell/recurrent_kernel:0", {8, 32}),
                         entry("gru/gru_cell/bias:0", {2, 24}),
                         entry("MobilenetV1/Conv2d_0/weights", {3, 3, 3, 32})};
  EXPECT_EQ(told(keras, "block1_conv1/kernel:0"), "convolution [kernel, kernel, in, out] 64x27 name");
  EXPECT_EQ(told(keras, "conv2d_transpose/kernel:0"), "convolution [kernel, kernel, out, in] 16x512 name");
  EXPECT_EQ(told(keras, "depthwise_conv2d/depthwise_kernel:0"),
            "convolution [kernel, kernel, in, out / 32] 32x2x9 name");
  EXPECT_EQ(told(keras, "separable_conv2d/pointwise_kernel:0"), "convolution [kernel, kernel, in, out] 128x64 name");
  EXPECT_EQ(told(keras, "lstm/lstm_cell/kernel:0"), "recurrent [in, out] 32x10 companion");
  EXPECT_EQ(told(keras, "lstm/lstm_cell/recurrent_kernel:0"), "recurrent [in, out] 32x8 companion");
  EXPECT_EQ(told(keras, "MobilenetV1/Conv2d_0/weights"), "convolution [kernel, kernel, in, out] 32x27 name");
  expect_skipped(keras, "gru/gru_cell/bias:0", "name", "bias");
}

TEST(Families, TransposedConvolutions) {
  const Entries unet = {entry("up1.up.weight", {64, 32, 2, 2}), entry("up1.up.bias", {32})};
  EXPECT_EQ(told(unet, "up1.up.weight"), "convolution [in, out, kernel, kernel] 32x256 companion");
  const Entries last = {entry("net.3.weight", {64, 32, 4, 4}), entry("net.6.weight", {32, 1, 4, 4}),
                        entry("net.6.bias", {1})};
  EXPECT_EQ(told(last, "net.6.weight"), "convolution [in, out, kernel, kernel] 1x512 companion");
  const Entries grouped = {entry("g.weight", {16, 4, 3, 3}), entry("g.bias", {8})};
  EXPECT_EQ(told(grouped, "g.weight"), "convolution [in, out / 2, kernel, kernel] 2x4x72 companion");
  EXPECT_EQ(told(entry("decoder.deconv2.weight", {64, 64, 4, 4})),
            "convolution [in, out, kernel, kernel] 64x1024 name");
  EXPECT_EQ(told(entry("upsampler.conv_transpose.weight", {64, 16, 4})), "convolution [in, out, kernel] 16x256 name");
  EXPECT_EQ(told(entry("mlp.conv.weight", {64, 64, 4, 4})), "convolution [out, in, kernel, kernel] 64x1024 shape");
}

TEST(Families, TransformerLensHasAnAxisForTheHeads) {
  EXPECT_EQ(told(entry("blocks.0.attn.W_Q", {12, 768, 64})), "dense [out, in, out] 768x768 name");
  EXPECT_EQ(told(entry("blocks.0.attn.W_O", {12, 64, 768})), "dense [in, in, out] 768x768 name");
  EXPECT_EQ(told(entry("blocks.0.mlp.W_in", {768, 3072})), "dense [in, out] 3072x768 name");
  EXPECT_EQ(told(entry("embed.W_E", {50257, 768})), "embedding [entries, width] 50257x768 name");
}

}  // namespace
}  // namespace sigmax::audit
