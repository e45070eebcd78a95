#include "sigmax/audit/roles/unread.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "audit/classified.hpp"

namespace sigmax::audit {
namespace {

io::Entry entry(std::string name, Dimensions shape, DType dtype, std::string unreadable = "") {
  io::Entry e = testing::entry(std::move(name), std::move(shape), {}, dtype);
  e.unreadable = std::move(unreadable);
  return e;
}

const char* const kWhy = "not read by this version";

TEST(Unread, WeightsInTypesThatAreNotReadCount) {
  for (const DType dtype : {DType::f8_e4m3, DType::f8_e5m2, DType::f4, DType::f6_e2m3, DType::c64, DType::unknown}) {
    EXPECT_TRUE(may_be_unread_weight(entry("model.layers.0.mlp.down_proj.weight", {4, 8}, dtype, kWhy)));
    EXPECT_TRUE(may_be_unread_weight(entry("params/conv1/kernel", {3, 3, 4, 8}, dtype, kWhy)));
    EXPECT_TRUE(may_be_unread_weight(entry("w", {4, 8}, dtype)));
    EXPECT_FALSE(may_be_unread_weight(entry("norm.weight", {8}, dtype, kWhy)));
    EXPECT_FALSE(may_be_unread_weight(entry("w", {0, 8}, dtype, kWhy)));
  }
  EXPECT_TRUE(may_be_unread_weight(entry("w", {4, 8}, DType::f32, "a sparse tensor")));
  EXPECT_FALSE(may_be_unread_weight(entry("w", {4, 8}, DType::f32)));
}

TEST(Unread, WeightsThatWereFlattenedIntoAVectorCountThoughTheyCanBeRead) {
  for (const char* name : {"_fsdp_wrapped_module._flat_param", "layers.0.flat_param_1", "fp32_flat_groups",
                           "flat_weights", "single_partition_of_fp32_groups"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {48}, DType::f32))) << name;
    EXPECT_TRUE(may_be_unread_weight(entry(name, {48}, DType::bf16, "a flat parameter"))) << name;
    EXPECT_FALSE(may_be_unread_weight(entry(name, {48}, DType::i64))) << name;
  }
  for (const char* name : {"norm.weight", "flat.bias", "flatten.weight", "groups"}) {
    EXPECT_FALSE(may_be_unread_weight(entry(name, {48}, DType::f32))) << name;
  }
}

TEST(Unread, IntegersThatAQuantizedTensorIsMadeOfCount) {
  for (const char* name : {"fc.weight.0", "fc.weight.qdata", "attn.in_proj_weight.int_data", "conv/kernel/codes"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {4, 8}, DType::i8))) << name;
  }
  for (const char* name : {"fc.0", "fc.weight.scale", "weights_of.0", "0", "weight"}) {
    EXPECT_EQ(may_be_unread_weight(entry(name, {4, 8}, DType::i32)), std::string(name) == "weight") << name;
  }
}

TEST(Unread, IntegersOfFewBitsCountWhateverTheyAreCalled) {
  for (const DType dtype : {DType::i8, DType::u8, DType::i4, DType::u4, DType::u16, DType::u32}) {
    for (const char* name : {"Conv_3/kernel", "mlp.up", "w3", "attn.wkv", "x_proj", "lm_head", "table", "q_data", "0",
                             "experts.down", "masked_lm.dense"}) {
      EXPECT_TRUE(may_be_unread_weight(entry(name, {4, 8}, dtype))) << name;
      EXPECT_TRUE(may_be_unread_weight(entry(name, {2, 4, 8}, dtype))) << name;
      EXPECT_FALSE(may_be_unread_weight(entry(name, {8}, dtype))) << name;
      EXPECT_FALSE(may_be_unread_weight(entry(name, {4, 0}, dtype))) << name;
    }
    for (const char* name : {"rel_pos_index", "input_ids", "tokens", "attn.causal", "h.0.attn.bias", "tril", "labels",
                             "num_seen", "step_count", "rng_state", "attention_mask", "w_zero_point", "blocks_scale"}) {
      EXPECT_FALSE(may_be_unread_weight(entry(name, {4, 8}, dtype))) << name;
    }
  }
}

TEST(Unread, KeysOfRandomNumbersDoNotCount) {
  EXPECT_FALSE(may_be_unread_weight(entry("dropout", {8, 2}, DType::u32)));
  EXPECT_TRUE(may_be_unread_weight(entry("dropout", {8, 4}, DType::u32)));
  EXPECT_TRUE(may_be_unread_weight(entry("dropout", {8, 2}, DType::u8)));
}

TEST(Unread, AScaleBesideIntegersSettlesIt) {
  for (const DType dtype : {DType::i8, DType::i32, DType::i64}) {
    for (const auto& [name, scale] : {std::pair{"gate_up", "gate_up_scale"},
                                      {"conv/k", "conv/k_scales"},
                                      {"fc.map", "fc.map.scale"},
                                      {"token_table", "token_table_absmax"},
                                      {"fc.B", "fc.s"},
                                      {"fc.t", "fc.weight_scale"}}) {
      const std::vector<io::Entry> both = {entry(name, {4, 8}, dtype), entry(scale, {4}, DType::f32)};
      EXPECT_TRUE(may_be_unread_weight(both[0], Siblings(both))) << name;
      EXPECT_FALSE(may_be_unread_weight(both[1], Siblings(both))) << scale;
    }
    const std::vector<io::Entry> index = {entry("fc.index", {4, 8}, dtype), entry("fc.scale", {4}, DType::f32)};
    EXPECT_FALSE(may_be_unread_weight(index[0], Siblings(index))) << "the scale may be another's";
  }
}

TEST(Unread, WhatGoesWithAWeightDoesNot) {
  for (const char* name :
       {"proj.weight_scale", "proj.weight_scale_inv", "proj.scales", "proj.qzeros", "w_zero_point", "attn.mask",
        "rope.freqs_cis", "proj.g_idx", "weight.absmax", "a/bias", "proj.input_scale"}) {
    EXPECT_FALSE(may_be_unread_weight(entry(name, {4, 8}, DType::f8_e8m0, kWhy))) << name;
  }
  for (const char* name : {"upscaler.weight", "mask_head.weight", "scale.proj", "bias_proj.kernel", "unmasked",
                           "decoder.mask_proj", "code_linear", "scale_fc"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {4, 8}, DType::f8_e4m3, kWhy))) << name;
  }
}

TEST(Unread, IntegersCountByTheirUseOrByTheirName) {
  for (const char* name : {"layers.0.q_proj.qweight", "h.0.attn.weight", "experts.down_proj_blocks", "weight_packed",
                           "q_proj.W_q", "q_proj.codes", "q_proj.Qidxs", "mlp.up_proj.trellis", "q_weight"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {4, 8}, DType::i32))) << name;
  }
  for (const char* name : {"position_ids", "relative_position_index", "steps", "num_batches_tracked", "q_proj.qzeros",
                           "q_proj.weight_zero_point", "q_proj.weight_g_idx", "hidden"}) {
    EXPECT_FALSE(may_be_unread_weight(entry(name, {4, 8}, DType::i64))) << name;
  }
  io::Entry used = entry("x_17", {4, 8}, DType::i32);
  EXPECT_FALSE(may_be_unread_weight(used));
  for (const char* op :
       {"MatMul", "Conv", "MatMulInteger", "QLinearConv", "Einsum", "LSTM", "FusedMatMul", "NhwcConv"}) {
    io::Usage use;
    use.op = op;
    used.used_by = {use};
    EXPECT_TRUE(may_be_unread_weight(used)) << op;
  }
  used.used_by[0].op = "Gather";
  EXPECT_FALSE(may_be_unread_weight(used));
  used.dtype = DType::u8;
  EXPECT_TRUE(may_be_unread_weight(used)) << "a table that is looked up";
  used.used_by[0].input = 1;
  EXPECT_FALSE(may_be_unread_weight(used)) << "what is looked up in a table";
  for (const char* op : {"Where", "Reshape", "ScatterND", "Equal"}) {
    used.used_by[0].op = op;
    EXPECT_FALSE(may_be_unread_weight(used)) << op;
  }
  for (const auto& [op, input] : {std::pair{"DequantizeLinear", 2},
                                  {"MatMulNBits", 3},
                                  {"QLinearMatMul", 5},
                                  {"QGemm", 2},
                                  {"MatMulInteger", 3}}) {
    used.used_by[0].op = op;
    used.used_by[0].input = input;
    EXPECT_FALSE(may_be_unread_weight(used)) << op << ": a zero point";
  }
  for (const auto& [op, input] : {std::pair{"DequantizeLinear", 0},
                                  {"MatMulNBits", 1},
                                  {"QLinearMatMul", 3},
                                  {"QGemm", 0},
                                  {"MatMulInteger", 1}}) {
    used.used_by[0].op = op;
    used.used_by[0].input = input;
    EXPECT_TRUE(may_be_unread_weight(used)) << op;
  }
  used.used_by[0].op = "Cast";
  EXPECT_TRUE(may_be_unread_weight(used)) << "integers that become numbers";
  EXPECT_TRUE(may_be_unread_weight(entry("packed", {4, 2, 8}, DType::u8, "quantized: the layout is not read")));
}

TEST(Unread, WhatNobodyCouldLookIntoCountsWhateverItIsCalled) {
  for (const char* name : {"npy", "arr_0", "params", "bias", "scale"}) {
    for (const Dimensions& shape : {Dimensions{}, Dimensions{3}, Dimensions{2, 2}}) {
      io::Entry opaque = entry(name, shape, DType::unknown, "encrypted members cannot be read");
      opaque.opaque = true;
      EXPECT_TRUE(may_be_unread_weight(opaque)) << name;
    }
  }
  io::Entry packed = entry("B", {64}, DType::u8, "quantized: the layout of MatMulBnb4 is not read");
  EXPECT_FALSE(may_be_unread_weight(packed)) << "a vector";
  packed.opaque = true;
  EXPECT_TRUE(may_be_unread_weight(packed));
}

TEST(Unread, BooleansAndTextsNeverDo) {
  EXPECT_FALSE(may_be_unread_weight(entry("attn.weight", {4, 8}, DType::boolean)));
  EXPECT_FALSE(may_be_unread_weight(entry("weight", {4, 8}, DType::string, kWhy)));
}

TEST(Unread, WithoutAShapeTheNameDecides) {
  for (const char* name : {"fc.weight", "kernel", "emb/embedding"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {}, DType::unknown, kWhy))) << name;
  }
  for (const char* name : {"fc.bias", "notes.txt", "epoch", "weight_scale"}) {
    EXPECT_FALSE(may_be_unread_weight(entry(name, {}, DType::unknown, kWhy))) << name;
  }
  std::string longest(300000, 'a');
  longest.append(".weight");
  EXPECT_TRUE(may_be_unread_weight(entry(longest, {}, DType::unknown, kWhy)));
}

}  // namespace
}  // namespace sigmax::audit
