// What the config.json of a model's folder changes in how its tensors are taken.
#include "sigmax/io/model_config.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "audit/classified.hpp"

namespace sigmax::audit {
namespace {

using namespace testing;
using Entries = std::vector<io::Entry>;

// The decision for the tensor `name` next to this config.json.
std::string told(const Entries& entries, const std::string& name, io::ModelConfig config) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const io::Entry& e) { return e.name == name; });
  if (found == entries.end()) return "not there";
  return testing::told(classify(*found, Siblings(entries, {{found->file.parent_path(), std::move(config)}})));
}

io::ModelConfig of_type(std::string type) {
  io::ModelConfig config;
  config.model_type = std::move(type);
  return config;
}

TEST(ModelConfig, TellsTheLayoutOfGpt2WhereShapesDoNot) {
  const Entries model = {entry("h.0.attn.c_proj.weight", {8, 8}), entry("h.0.mlp.c_fc.weight", {8, 8}),
                         entry("h.0.attn.c_attn.weight", {8, 24}), entry("h.0.ln_1.weight", {8}),
                         entry("score.weight", {2, 8})};
  for (const char* type : {"gpt2", "openai-gpt", "imagegpt", "decision_transformer"}) {
    EXPECT_EQ(told(model, "h.0.attn.c_proj.weight", of_type(type)), "dense [in, out] 8x8 companion") << type;
    EXPECT_EQ(told(model, "h.0.mlp.c_fc.weight", of_type(type)), "dense [in, out] 8x8 companion");
    EXPECT_EQ(told(model, "score.weight", of_type(type)), "dense [out, in] 2x8 shape") << "a Linear of it";
  }
  io::ModelConfig by_class;
  by_class.architectures = {"GPT2LMHeadModel"};
  EXPECT_EQ(told(model, "h.0.mlp.c_fc.weight", by_class), "dense [in, out] 8x8 companion");
  for (const char* type : {"llama", "", "gptj"}) {
    EXPECT_EQ(told(model, "h.0.mlp.c_fc.weight", of_type(type)), "dense [out, in] 8x8 shape") << type;
  }
}

TEST(ModelConfig, GoesBeforeNamesAndBehindABias) {
  const Entries wide = {entry("h.0.mlp.c_fc.weight", {8, 32}), entry("h.1.mlp.c_fc.weight", {8, 32}),
                        entry("h.1.mlp.c_fc.bias", {8}), entry("h.2.mlp.c_fc.weight", {32, 8}),
                        entry("h.2.mlp.c_fc.bias", {32})};
  EXPECT_EQ(testing::told(wide, "h.0.mlp.c_fc.weight"), "dense [in, out] 32x8 name");
  EXPECT_EQ(told(wide, "h.0.mlp.c_fc.weight", of_type("gpt_bigcode")), "dense [out, in] 8x32 companion");
  EXPECT_EQ(told(wide, "h.1.mlp.c_fc.weight", of_type("gpt2")), "dense [out, in] 8x32 companion") << "by its bias";
  EXPECT_EQ(told(wide, "h.2.mlp.c_fc.weight", of_type("gpt2")), "dense [out, in] 32x8 companion") << "by its bias";
}

TEST(ModelConfig, GoesBehindShapesThatCannotBeSo) {
  // Three times as many outputs as inputs: this c_attn is a Linear, and so are the others of its block.
  const Entries linear = {entry("h.0.attn.c_attn.weight", {36, 12}), entry("h.0.attn.c_proj.weight", {12, 12}),
                          entry("h.0.mlp.c_fc.weight", {48, 12}), entry("h.0.mlp.c_proj.weight", {12, 48}),
                          entry("h.1.attn.c_proj.weight", {12, 12})};
  EXPECT_EQ(told(linear, "h.0.attn.c_attn.weight", of_type("gpt2")), "dense [out, in] 36x12 companion");
  EXPECT_EQ(told(linear, "h.0.attn.c_proj.weight", of_type("gpt2")), "dense [out, in] 12x12 companion");
  EXPECT_EQ(told(linear, "h.0.mlp.c_fc.weight", of_type("gpt2")), "dense [out, in] 48x12 companion");
  EXPECT_EQ(told(linear, "h.0.mlp.c_proj.weight", of_type("gpt2")), "dense [out, in] 12x48 companion");
  EXPECT_EQ(told(linear, "h.1.attn.c_proj.weight", of_type("gpt2")), "dense [in, out] 12x12 companion");
  const Entries conv1d = {entry("h.0.attn.c_attn.weight", {12, 36}), entry("h.0.attn.c_proj.weight", {12, 12}),
                          entry("h.1.attn.c_attn.weight", {20, 12}), entry("h.1.attn.c_proj.weight", {12, 12})};
  EXPECT_EQ(told(conv1d, "h.0.attn.c_attn.weight", of_type("gpt_bigcode")), "dense [in, out] 36x12 companion");
  EXPECT_EQ(told(conv1d, "h.0.attn.c_proj.weight", of_type("gpt_bigcode")), "dense [in, out] 12x12 companion");
  EXPECT_EQ(told(conv1d, "h.1.attn.c_attn.weight", of_type("gpt_bigcode")), "dense [out, in] 20x12 companion")
      << "one key and one value for all heads";
}

TEST(ModelConfig, NamesTheMethodOfQuantizedWeights) {
  const Entries model = {entry("l.q.qweight", {8, 8}, {}, DType::i32),
                         entry("l.q.scales", {4, 8}),
                         entry("l.q.zeros", {8, 1}),
                         entry("l.w_scale", {4, 1}),
                         entry("l.w.weight", {4, 8}),
                         entry("l.index", {4, 8}, {}, DType::i64)};
  for (const char* method : {"gptq", "awq", "fp8", "compressed-tensors", "bitsandbytes"}) {
    io::ModelConfig config;
    config.quant_method = method;
    const std::string said = std::string("config.json: quant_method ") + method;
    EXPECT_TRUE(is_skipped(told(model, "l.q.scales", config), "companion", said));
    EXPECT_TRUE(is_skipped(told(model, "l.w_scale", config), "companion", said));
    EXPECT_TRUE(is_skipped(told(model, "l.q.qweight", config), "-", said));
    EXPECT_FALSE(is_skipped(told(model, "l.index", config), "-", said));
    EXPECT_EQ(told(model, "l.w.weight", config), "dense [out, in] 4x8 shape") << "one that was left as it was";
  }
  EXPECT_EQ(told(model, "l.w_scale", {}), "skip name: scale or zero point: multiplied or added entry by entry");
}

TEST(ModelConfig, CountsTheExpertsThatDbrxKeepsInOneMatrix) {
  const Entries model = {entry("blocks.0.ffn.experts.mlp.w1", {32, 6}), entry("blocks.0.ffn.experts.mlp.v1", {32, 6}),
                         entry("blocks.0.ffn.experts.mlp.w2", {32, 6}), entry("blocks.0.ffn.mlp.w1", {32, 6})};
  io::ModelConfig config;
  config.experts = 4;
  EXPECT_EQ(told(model, "blocks.0.ffn.experts.mlp.w1", config), "expert_stack [stack x out, in] 4x8x6 companion");
  EXPECT_EQ(told(model, "blocks.0.ffn.experts.mlp.v1", config), "expert_stack [stack x out, in] 4x8x6 companion");
  EXPECT_EQ(told(model, "blocks.0.ffn.experts.mlp.w2", config), "expert_stack [stack x in, out] 4x6x8 companion");
  EXPECT_EQ(told(model, "blocks.0.ffn.mlp.w1", config), "dense [out, in] 32x6 shape");
  for (const std::int64_t experts : {1, 5, 32}) {
    config.experts = experts;
    EXPECT_EQ(told(model, "blocks.0.ffn.experts.mlp.w1", config), "dense [out, in] 32x6 shape") << experts;
  }
  EXPECT_EQ(told(model, "blocks.0.ffn.experts.mlp.w1", {}), "dense [out, in] 32x6 shape");
}

TEST(ModelConfig, IsThatOfTheFolderOfTheFile) {
  const Entries model = {in_file(entry("h.0.mlp.c_fc.weight", {8, 8}), "a/model.safetensors"),
                         in_file(entry("h.1.mlp.c_fc.weight", {8, 8}), "b/model.safetensors")};
  const Siblings siblings(model, {{"a", of_type("gpt2")}});
  EXPECT_EQ(testing::told(classify(model[0], siblings)), "dense [in, out] 8x8 companion");
  EXPECT_EQ(testing::told(classify(model[1], siblings)), "dense [out, in] 8x8 shape");
}

TEST(QuantizedMembers, OfAClassOfItsOwnAreToldByTheCodesBesideThem) {
  for (const DType codes : {DType::i8, DType::u8, DType::i32, DType::f8_e4m3}) {
    const Entries model = {entry("fc.weight.0", {4, 8}, {}, codes),
                           entry("fc.weight.1", {4, 2}),
                           entry("fc.weight.2", {4, 2}),
                           entry("up.in_proj_weight.qdata", {4, 8}, {}, codes),
                           entry("up.in_proj_weight.scale", {4, 2}),
                           entry("up.in_proj_weight.offset", {4, 2})};
    for (const char* name : {"fc.weight.1", "fc.weight.2", "up.in_proj_weight.scale", "up.in_proj_weight.offset"}) {
      EXPECT_TRUE(is_skipped(testing::told(model, name), "container", "scale or zero point")) << name;
    }
  }
  const Entries plain = {entry("fc.weight.0", {4, 8}), entry("fc.weight.1", {4, 8}),
                         entry("layers.0", {4, 8}, {}, DType::i64), entry("layers.1", {4, 8})};
  for (const char* name : {"fc.weight.0", "fc.weight.1", "layers.1"}) {
    EXPECT_EQ(testing::told(plain, name), "dense [out, in] 4x8 shape") << name;
  }
}

}  // namespace
}  // namespace sigmax::audit
