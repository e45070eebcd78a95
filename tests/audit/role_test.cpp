#include "sigmax/audit/roles/role.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/classified.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::audit {
namespace {

using namespace testing;
using Entries = std::vector<io::Entry>;

MatrixPlan plan_of(const io::Entry& e, const Entries& others = {}) {
  const auto classified = classify(e, Siblings(others));
  EXPECT_TRUE(std::holds_alternative<MatrixPlan>(classified)) << e.name;
  return std::holds_alternative<MatrixPlan>(classified) ? std::get<MatrixPlan>(classified) : MatrixPlan{};
}

std::string reason_of(const io::Entry& e) {
  const auto classified = classify(e, {});
  return std::holds_alternative<NoMatrix>(classified) ? std::get<NoMatrix>(classified).reason : "a matrix";
}

TEST(Role, ATwoDimensionalWeightIsDenseAsStored) {
  const MatrixPlan plan = plan_of(entry("fc.weight", {10, 20}));
  EXPECT_EQ(plan.role, Role::dense);
  EXPECT_EQ(plan.rows, 10);
  EXPECT_EQ(plan.columns, 20);
  EXPECT_EQ(plan.batch, 1);
}

TEST(Role, KernelsOfThreeToFiveDimensionsAreTheReshapedMatrix) {
  for (const Dimensions& shape : {Dimensions{8, 3, 5}, Dimensions{8, 3, 5, 7}, Dimensions{8, 3, 2, 5, 7}}) {
    const MatrixPlan plan = plan_of(entry("conv.weight", shape));
    EXPECT_EQ(plan.role, Role::convolution);
    EXPECT_EQ(plan.rows, 8);
    EXPECT_EQ(plan.columns, *element_count(shape) / 8);
  }
}

TEST(Role, GroupsArePartsUnlessTheyAreVectors) {
  io::Usage grouped = use("Conv");
  grouped.groups = 2;
  const MatrixPlan plan = plan_of(entry("w", {8, 3, 5}, {grouped}));
  ASSERT_EQ(plan.parts.size(), 2U);
  EXPECT_EQ(plan.parts[1].name, "[1]");
  EXPECT_EQ(plan.parts[1].rows, 4);
  grouped.groups = 8;
  EXPECT_TRUE(plan_of(entry("w", {8, 1, 5}, {grouped})).parts.empty());
}

TEST(Role, ExpertStacksAreABatchOfTheirLastTwoDimensions) {
  const MatrixPlan named = plan_of(entry("mlp.experts.down_proj", {4, 6, 5}));
  EXPECT_EQ(named.role, Role::expert_stack);
  EXPECT_EQ(named.batch, 4);
  EXPECT_EQ(named.rows, 6);
  EXPECT_EQ(named.columns, 5);
  ASSERT_EQ(named.parts.size(), 4U);
  EXPECT_EQ(named.parts[3].name, "[3]");
  const MatrixPlan multiplied = plan_of(entry("w", {2, 3, 6, 5}, {use("MatMul")}));
  EXPECT_EQ(multiplied.batch, 6);
  EXPECT_EQ(multiplied.parts[5].name, "[1, 2]");
  EXPECT_EQ(plan_of(entry("w", {1, 6, 5}, {use("MatMul")})).role, Role::dense);
  EXPECT_EQ(plan_of(entry("w", {2, 2, 2, 2, 3, 3})).role, Role::expert_stack);
  EXPECT_EQ(plan_of(entry("expertise.weight", {4, 6, 5})).role, Role::convolution) << "a word that only begins so";
}

TEST(Role, TheGatesOfAPytorchLstmAndGruAreFoundFromTheSibling) {
  const Entries lstm{entry("rnn.weight_hh_l0", {32, 8})};
  const MatrixPlan input = plan_of(entry("rnn.weight_ih_l0", {32, 5}), lstm);
  EXPECT_EQ(input.role, Role::recurrent);
  ASSERT_EQ(input.parts.size(), 4U);
  EXPECT_EQ(input.parts[1].name, "forget gate");
  EXPECT_EQ(input.parts[1].first_row, 8);
  EXPECT_EQ(input.parts[1].rows, 8);
  const Entries gru{entry("rnn.weight_hh_l1_reverse", {24, 8})};
  EXPECT_EQ(plan_of(entry("rnn.weight_hh_l1_reverse", {24, 8}), gru).parts.size(), 3U);
  const Entries projected{entry("r.weight_hh_l0", {32, 4}), entry("r.weight_hr_l0", {4, 8})};
  EXPECT_EQ(plan_of(entry("r.weight_hh_l0", {32, 4}), projected).parts.size(), 4U);
  EXPECT_TRUE(plan_of(entry("r.weight_hr_l0", {4, 8}), projected).parts.empty());
  EXPECT_TRUE(plan_of(entry("weight_ih", {12, 5})).parts.empty()) << "no sibling: the number of gates is not known";
}

TEST(Role, TheInputsOfAnOnnxLstmAreBlocksOfGatesADirection) {
  const MatrixPlan plan = plan_of(entry("W", {2, 32, 5}, {use("LSTM", 1)}));
  EXPECT_EQ(plan.role, Role::recurrent);
  EXPECT_EQ(plan.batch, 2);
  ASSERT_EQ(plan.parts.size(), 10U);
  EXPECT_EQ(plan.parts[0].name, "forward direction");
  EXPECT_EQ(plan.parts[2].name, "forward output gate");
  EXPECT_EQ(plan.parts[9].name, "backward cell gate");
  EXPECT_EQ(plan.parts[9].block, 1);
}

TEST(Role, EmbeddingsAreKnownByUseOrByName) {
  EXPECT_EQ(plan_of(entry("x", {100, 8}, {use("Gather", 0)})).role, Role::embedding);
  EXPECT_EQ(plan_of(entry("model.embed_tokens.weight", {100, 8})).role, Role::embedding);
  EXPECT_EQ(plan_of(entry("embeddings.word_embeddings.weight", {100, 8})).role, Role::embedding);
  EXPECT_EQ(plan_of(entry("wte.weight", {100, 8})).role, Role::embedding);
  EXPECT_EQ(plan_of(entry("embedder.proj", {100, 8})).role, Role::dense);
  EXPECT_EQ(plan_of(entry("embed.proj", {100, 8}, {use("MatMul")})).role, Role::dense);
  EXPECT_EQ(plan_of(entry("time_embed.0.weight", {100, 8})).role, Role::dense);
}

TEST(Role, ATensorOfVeryManyMatricesIsNone) {
  const std::int64_t many = std::int64_t{1} << 40;  // a few bytes, with strides of zero
  for (const io::Entry& e : {entry("experts.w", {many, 4, 5}), entry("dwconv.weight", {many, 1, 5})}) {
    EXPECT_NE(reason_of(e).find("1099511627776 matrices"), std::string::npos) << reason_of(e);
  }
}

TEST(Role, NamesOfAnyLengthAreComparedPlainly) {
  for (const std::size_t length : {1U, 40'000U, 1'000'000U}) {
    const std::string many(length, 'a');
    EXPECT_EQ(plan_of(entry(many, {8, 5})).role, Role::dense);
    EXPECT_EQ(plan_of(entry(std::string(length, '.'), {8, 5})).role, Role::dense);
    EXPECT_EQ(plan_of(entry(many + ".weight_ih_l" + std::string(length, '0'), {8, 5})).role, Role::recurrent);
    EXPECT_EQ(plan_of(entry(many + ".embed.weight", {8, 5})).role, Role::embedding);
    EXPECT_EQ(plan_of(entry(std::string(length, '1'), {8, 5, 3})).role, Role::convolution);
  }
  for (const char* near :
       {"weight_ih_l", "weight_ih_l0_rev", "weight_ih_reverse", "weight_i", "weight_ih_lx", "ih", ""}) {
    EXPECT_EQ(plan_of(entry(near, {8, 5})).role, Role::dense) << near;
  }
}

TEST(Role, TheUserHasTheLastWord) {
  const auto assumed = [](const io::Entry& e, std::string_view role) {
    return told(classify(e, {}, parse_assumed_role(role)));
  };
  const io::Entry kernel = entry("c.weight", {32, 4, 3, 3}, {use("Conv")});
  EXPECT_EQ(assumed(kernel, "convolution:8"), "convolution [out, in / 8, kernel, kernel] 8x4x36 user");
  EXPECT_EQ(assumed(kernel, "transposed_convolution:2"), "convolution [in, out / 2, kernel, kernel] 2x4x144 user");
  EXPECT_EQ(assumed(kernel, "channels_last"), "convolution [kernel, kernel, in, out] 3x384 user");
  EXPECT_EQ(assumed(kernel, "depthwise_channels_last"), "convolution [kernel, kernel, in, out / 3] 3x3x128 user");
  EXPECT_EQ(assumed(kernel, "expert_stack"), "expert_stack [stack, stack, out, in] 128x3x3 user");
  EXPECT_EQ(assumed(kernel, "dense"), "dense [out, in, in, in] 32x36 user");
  EXPECT_EQ(assumed(kernel, "skip"), "skip user: left out by --as");
  const io::Entry scale = entry("x.scales", {6, 4});
  EXPECT_EQ(assumed(scale, "dense"), "dense [out, in] 6x4 user");
  EXPECT_EQ(assumed(scale, "dense_in_out"), "dense [in, out] 4x6 user");
  EXPECT_EQ(assumed(scale, "embedding"), "embedding [entries, width] 6x4 user");
  EXPECT_EQ(assumed(scale, "recurrent"), "recurrent [out, in] 6x4 user");
  EXPECT_EQ(assumed(entry("e", {2, 6, 4}), "expert_stack_in_out"), "expert_stack [stack, in, out] 2x4x6 user");
  EXPECT_EQ(assumed(entry("b", {6}), "dense"), "skip -: vector: not a matrix");
  for (const auto& [e, role] : {std::pair{scale, "convolution"},
                                {scale, "expert_stack"},
                                {kernel, "convolution:5"},
                                {kernel, "channels_last:2"},
                                {kernel, "transposed_convolution:3"}}) {
    EXPECT_THROW(static_cast<void>(assumed(e, role)), Error) << role;
  }
  for (const char* text : {"", "conv", "dense:2", "convolution:", "convolution:0", "convolution:-1", "convolution:2x",
                           "convolution:99999999999999999999", "skip:1", "Dense"}) {
    EXPECT_THROW(parse_assumed_role(text), Error) << text;
  }
}

TEST(Role, WhatIsNoMatrixSaysWhy) {
  EXPECT_EQ(reason_of(entry("b", {10})), "vector: not a matrix");
  EXPECT_EQ(reason_of(entry("s", {})), "scalar: not a matrix");
  EXPECT_EQ(reason_of(entry("e", {0, 10})), "empty: no entries");
  EXPECT_EQ(reason_of(entry("i", {3, 3}, {}, DType::i64)), "i64: integers are not weights");
  EXPECT_NE(reason_of(entry("q", {3, 3}, {}, DType::f8_e4m3)).find("f8_e4m3"), std::string::npos);
  EXPECT_NE(reason_of(entry("a", {1, 8, 1, 1}, {use("Add"), use("Mul")})).find("Add"), std::string::npos);
  io::Entry unreadable = entry("u", {3, 3});
  unreadable.unreadable = "sparse";
  EXPECT_EQ(reason_of(unreadable), "sparse");
  EXPECT_EQ(plan_of(entry("w", {3, 3}, {use("Add"), use("MatMul")})).role, Role::dense) << "one real use is enough";
}

}  // namespace
}  // namespace sigmax::audit
