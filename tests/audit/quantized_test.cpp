// Codes, codebooks and scales, as the programs that quantize name them.
#include "sigmax/audit/roles/quantized.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/classified.hpp"
#include "sigmax/audit/roles/unread.hpp"

namespace sigmax::audit {
namespace {

using namespace testing;
using Entries = std::vector<io::Entry>;

io::Entry of_type(std::string name, Dimensions shape, DType dtype) {
  return entry(std::move(name), std::move(shape), {}, dtype);
}

void expect_companion(const Entries& entries, const std::string& name, std::string_view reason) {
  EXPECT_TRUE(is_skipped(told(entries, name), "companion", reason)) << name << ": " << told(entries, name);
}

TEST(Quantized, PackedCodesUnderARealTypeAreNotRead) {
  for (const DType dtype : {DType::bf16, DType::f16, DType::f32}) {
    for (const auto& [name, companion] : {std::pair{"q.weight", "q.weight.quant_map"},
                                          {"q.weight", "q.weight.quant_state.bitsandbytes__nf4"},
                                          {"q.kernel", "q.kernel.quant_state.bitsandbytes__fp4"},
                                          {"q.weight", "q.weight.absmax"},
                                          {"q.W_q", "q.scale"},
                                          {"q.qweight", "q.scales"},
                                          {"q.weight_packed", "q.weight_scale"}}) {
      for (const Dimensions& shape : {Dimensions{2048, 1}, Dimensions{4096}, Dimensions{2, 32, 8}}) {
        const Entries both = {of_type(name, shape, dtype), of_type(companion, {64}, DType::u8)};
        const auto classified = classify(both[0], Siblings(both));
        EXPECT_TRUE(is_skipped(told(classified), "companion", "packed codes")) << name << told(classified);
        EXPECT_TRUE(std::holds_alternative<NoMatrix>(classified) && std::get<NoMatrix>(classified).is_weight);
      }
    }
  }
  // Next to a scale alone, as training in low precision keeps it, numbers are numbers.
  const Entries trained = {entry("q.weight", {6, 4}), entry("q.weight_scale", {6})};
  EXPECT_EQ(told(trained, "q.weight"), "dense [out, in] 6x4 shape");
  const Entries book = {entry("q.codes", {6, 4}), entry("q.scale", {6})};
  EXPECT_EQ(told(book, "q.codes"), "dense [out, in] 6x4 shape");
}

TEST(Quantized, IntegersWithACodebookAreAWeight) {
  for (const auto& [codes, book] : {std::pair{"q.indices", "q.centroids.weight"},
                                    {"q.indices", "q.lut"},
                                    {"q.cluster_ids", "q.centroids"},
                                    {"q.ids", "q.codebook"},
                                    {"q.assignments", "q.codebook.weight"},
                                    {"q.weight_indices", "q.weight_lut"},
                                    {"q.qweight", "q.lookup_table"},
                                    {"q.weight", "q.tables"}}) {
    for (const DType dtype : {DType::u8, DType::i16, DType::i32, DType::i64}) {
      const Entries both = {of_type(codes, {4, 32}, dtype), of_type(book, {16, 8}, DType::f16)};
      EXPECT_TRUE(may_be_unread_weight(both[0], Siblings(both))) << codes << ", " << book;
      expect_companion(both, book, "codebook");
    }
    // A codebook without codes is a table of its own, as that of a vector quantizer.
    EXPECT_FALSE(std::holds_alternative<NoMatrix>(classify(of_type(book, {16, 8}, DType::f16), {}))) << book;
  }
  const Entries scaled = {of_type("q.indices", {1, 4, 32}, DType::i32), of_type("q.weight_scale", {32}, DType::f16)};
  EXPECT_TRUE(may_be_unread_weight(scaled[0], Siblings(scaled))) << "the scale of a weight that is not there";
  const Entries both = {scaled[0], scaled[1], of_type("q.weight", {4, 32}, DType::i8)};
  EXPECT_FALSE(may_be_unread_weight(both[0], Siblings(both)));
}

TEST(Quantized, ScalesUnderOtherNames) {
  const Entries nunchaku = {of_type("q.qweight", {32, 16}, DType::i8), of_type("q.wscales", {2, 32}, DType::f16),
                            of_type("q.wzeros", {2, 32}, DType::f16), of_type("k.qweight", {32, 16}, DType::i8),
                            of_type("k.wscales", {2, 32}, DType::f8_e4m3)};
  expect_companion(nunchaku, "q.wscales", "scale");
  expect_companion(nunchaku, "q.wzeros", "zero point");
  EXPECT_FALSE(may_be_unread_weight(nunchaku[4], Siblings(nunchaku)));
  const Entries marlin = {of_type("q.B", {2, 64}, DType::i32), of_type("q.s", {2, 32}, DType::f16)};
  expect_companion(marlin, "q.s", "scale");
  const Entries low_rank = {entry("q.B", {2, 64}), entry("q.s", {2, 32})};
  EXPECT_EQ(told(low_rank, "q.s"), "dense [out, in] 2x32 shape") << "next to numbers, not codes";
  for (const char* name : {"q.weight_quantizer._amax", "q.input_quantizer._amax", "q.act_amax"}) {
    EXPECT_TRUE(is_skipped(told(entry(name, {32, 1})), "name", "scale")) << name;
  }
}

TEST(Quantized, CodesInARowCountIfTheyHaveAScale) {
  for (const DType dtype : {DType::f8_e4m3, DType::f8_e5m2, DType::u8, DType::i8, DType::f4}) {
    for (const auto& [name, scale] :
         {std::pair{"fc.weight", "fc.weight_scale"}, {"fc.weight", "fc.weight.absmax"}, {"mlp.up", "mlp.up_scales"}}) {
      const Entries both = {of_type(name, {4096}, dtype), of_type(scale, {1}, DType::f32)};
      EXPECT_TRUE(may_be_unread_weight(both[0], Siblings(both))) << name;
      EXPECT_FALSE(may_be_unread_weight(both[0])) << name;
    }
    const Entries bias = {of_type("fc.bias", {4096}, dtype), of_type("fc.bias_scale", {1}, DType::f32)};
    EXPECT_FALSE(may_be_unread_weight(bias[0], Siblings(bias)));
  }
  Entries graph = {of_type("ln.weight", {64}, DType::u8), of_type("ln.weight_scale", {1}, DType::f32)};
  graph[0].used_by = {use("DequantizeLinear", 0)};
  EXPECT_FALSE(may_be_unread_weight(graph[0], Siblings(graph))) << "a vector of a graph stays one";
}

TEST(Quantized, ALayerCalledAfterAnIndexIsALayer) {
  for (const char* name : {"l.position_proj", "token_linear", "label_fc", "step_dense"}) {
    EXPECT_TRUE(may_be_unread_weight(of_type(name, {8, 8}, DType::i8))) << name;
  }
  for (const char* name : {"l.position_ids", "token_type", "labels", "step"}) {
    EXPECT_FALSE(may_be_unread_weight(of_type(name, {8, 8}, DType::i8))) << name;
  }
}

}  // namespace
}  // namespace sigmax::audit
