#include "sigmax/audit/unread.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sigmax::audit {
namespace {

io::Entry entry(std::string name, Dimensions shape, DType dtype, std::string unreadable = "") {
  io::Entry e;
  e.name = std::move(name);
  e.shape = std::move(shape);
  e.dtype = dtype;
  e.dtype_name = std::string(sigmax::name(dtype));
  e.unreadable = std::move(unreadable);
  return e;
}

const char* const kWhy = "not read by this version";

TEST(unread, weights_in_types_that_are_not_read_count) {
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

TEST(unread, weights_that_were_flattened_into_a_vector_count_though_they_can_be_read) {
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

TEST(unread, integers_that_a_quantized_tensor_is_made_of_count) {
  for (const char* name : {"fc.weight.0", "fc.weight.qdata", "attn.in_proj_weight.int_data", "conv/kernel/codes"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {4, 8}, DType::i8))) << name;
  }
  for (const char* name : {"fc.0", "fc.weight.scale", "weights_of.0", "0", "weight"}) {
    EXPECT_EQ(may_be_unread_weight(entry(name, {4, 8}, DType::i8)), std::string(name) == "weight") << name;
  }
}

TEST(unread, what_goes_with_a_weight_does_not) {
  for (const char* name :
       {"proj.weight_scale", "proj.weight_scale_inv", "proj.scales", "proj.qzeros", "w_zero_point", "attn.mask",
        "rope.freqs_cis", "proj.g_idx", "weight.absmax", "a/bias", "proj.input_scale"}) {
    EXPECT_FALSE(may_be_unread_weight(entry(name, {4, 8}, DType::f8_e8m0, kWhy))) << name;
  }
  for (const char* name : {"upscaler.weight", "mask_head.weight", "scale.proj", "bias_proj.kernel", "unmasked"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {4, 8}, DType::f8_e4m3, kWhy))) << name;
  }
}

TEST(unread, integers_count_by_their_use_or_by_their_name) {
  for (const char* name : {"layers.0.q_proj.qweight", "h.0.attn.weight", "experts.down_proj_blocks", "weight_packed",
                           "q_proj.W_q", "q_proj.codes", "q_proj.Qidxs", "mlp.up_proj.trellis", "q_weight"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {4, 8}, DType::i32))) << name;
  }
  for (const char* name : {"position_ids", "relative_position_index", "steps", "num_batches_tracked", "q_proj.qzeros",
                           "q_proj.weight_zero_point", "q_proj.weight_g_idx", "hidden"}) {
    EXPECT_FALSE(may_be_unread_weight(entry(name, {4, 8}, DType::i64))) << name;
  }
  io::Entry used = entry("x_17", {4, 8}, DType::u8);
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
  EXPECT_TRUE(may_be_unread_weight(entry("packed", {4, 2, 8}, DType::u8, "quantized: the layout is not read")));
}

TEST(unread, booleans_and_texts_never_do) {
  EXPECT_FALSE(may_be_unread_weight(entry("attn.weight", {4, 8}, DType::boolean)));
  EXPECT_FALSE(may_be_unread_weight(entry("weight", {4, 8}, DType::string, kWhy)));
}

TEST(unread, without_a_shape_the_name_decides) {
  for (const char* name : {"fc.weight", "kernel", "emb/embedding"}) {
    EXPECT_TRUE(may_be_unread_weight(entry(name, {}, DType::unknown, kWhy))) << name;
  }
  for (const char* name : {"fc.bias", "notes.txt", "epoch", "weight_scale"}) {
    EXPECT_FALSE(may_be_unread_weight(entry(name, {}, DType::unknown, kWhy))) << name;
  }
  EXPECT_TRUE(may_be_unread_weight(entry(std::string(300000, 'a') + ".weight", {}, DType::unknown, kWhy)));
}

}  // namespace
}  // namespace sigmax::audit
