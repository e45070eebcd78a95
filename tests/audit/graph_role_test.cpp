#include "sigmax/audit/roles/graph_role.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "audit/classified.hpp"

namespace sigmax::audit {
namespace {

using namespace testing;

io::Usage grouped(std::string op, std::int64_t groups) {
  io::Usage u = use(std::move(op));
  u.groups = groups;
  return u;
}

io::Usage einsum(std::string equation, int input) {
  io::Usage u = use("Einsum", input);
  u.equation = std::move(equation);
  return u;
}

io::Usage moved(io::Usage u, std::vector<int> permutation) {
  u.permutation = std::move(permutation);
  return u;
}

io::Usage reshaped(io::Usage u) {
  u.reshaped = true;
  return u;
}

std::string told(const Dimensions& shape, io::Usage u) { return testing::told(entry("x", shape, {std::move(u)})); }

TEST(GraphRole, ProductsByTheSideOfTheWeight) {
  EXPECT_EQ(told({3, 5}, use("MatMul", 1)), "dense [in, out] 5x3 graph");
  EXPECT_EQ(told({3, 5}, use("MatMul", 0)), "dense [out, in] 3x5 graph");
  EXPECT_EQ(told({3, 5}, use("Gemm", 1)), "dense [in, out] 5x3 graph");
  EXPECT_EQ(told({3, 5}, moved(use("Gemm", 1), {1, 0})), "dense [out, in] 3x5 graph");
  EXPECT_EQ(told({3, 5}, moved(use("MatMul", 1), {-1})), "dense [out, in] 3x5 graph") << "axes reversed";
  EXPECT_EQ(told({2, 3, 5}, use("MatMul", 1)), "expert_stack [stack, in, out] 2x5x3 graph");
  EXPECT_EQ(told({1, 3, 5}, use("MatMul", 1)), "dense [stack, in, out] 5x3 graph");
  EXPECT_EQ(told({3, 2, 5}, moved(use("MatMul", 1), {1, 0, 2})), "expert_stack [in, stack, out] 2x5x3 graph");
  EXPECT_EQ(told({3, 5}, use("QLinearMatMul", 3)), "dense [in, out] 5x3 graph");
}

TEST(GraphRole, ConvolutionsAndTheirGroups) {
  EXPECT_EQ(told({8, 3, 5, 5}, use("Conv")), "convolution [out, in, kernel, kernel] 8x75 graph");
  EXPECT_EQ(told({8, 3, 5, 5}, grouped("Conv", 4)), "convolution [out, in / 4, kernel, kernel] 4x2x75 graph");
  EXPECT_EQ(told({16, 1, 3, 3}, grouped("Conv", 16)), "convolution [out, in / 16, kernel, kernel] 16x1x9 graph");
  EXPECT_EQ(told({2, 8, 3, 3}, use("ConvTranspose")), "convolution [in, out, kernel, kernel] 8x18 graph");
  EXPECT_EQ(told({6, 4, 3}, grouped("ConvTranspose", 3)), "convolution [in, out / 3, kernel] 3x4x6 graph");
  EXPECT_EQ(told({3, 3, 16, 32}, moved(use("Conv"), {3, 2, 0, 1})),
            "convolution [kernel, kernel, in, out] 32x144 graph")
      << "a kernel of TensorFlow that the graph transposes";
  EXPECT_EQ(told({3, 3, 16, 32}, moved(grouped("Conv", 2), {3, 2, 0, 1})),
            "convolution [kernel, kernel, in / 2, out] 2x16x144 graph");
  EXPECT_TRUE(is_skipped(told({8, 3, 5, 5}, grouped("Conv", 3)), "graph", "3 groups"));
}

TEST(GraphRole, EinsumByItsEquation) {
  EXPECT_EQ(told({3, 4, 5}, einsum("bsi,ihd->bshd", 1)), "dense [in, out, out] 20x3 graph");
  EXPECT_EQ(told({4, 5, 3}, einsum("bshd,hde->bse", 1)), "dense [in, in, out] 3x20 graph");
  EXPECT_EQ(told({2, 3, 5}, einsum("ebi,eio->ebo", 1)), "expert_stack [stack, in, out] 2x5x3 graph");
  EXPECT_EQ(told({3, 5}, einsum("oi, bi -> bo", 0)), "dense [out, in] 3x5 graph");
  EXPECT_EQ(told({3, 5}, einsum("bi,io", 1)), "dense [in, out] 5x3 graph") << "the result's indices in implicit form";
  EXPECT_EQ(told({3, 4, 5}, einsum("...i,iho->...ho", 1)), "dense [in, out, out] 20x3 graph") << "any batch";
  EXPECT_EQ(told({3, 4, 5}, einsum("iho,...i", 0)), "dense [in, out, out] 20x3 graph");
  EXPECT_TRUE(is_skipped(told({3, 5}, einsum("ij,ij->ij", 1)), "graph", "entry by entry"));
  for (const char* unread :
       {"bi,ij,jk->bk", "...i,io->o", "bi,...io->b...o", "bi,ii->b", "bi->b", "bi,ijk->bj", "", ","}) {
    EXPECT_TRUE(is_skipped(told({3, 5}, einsum(unread, 1)), "graph", "not read")) << unread;
  }
}

TEST(GraphRole, TablesThatAreLookedUp) {
  EXPECT_EQ(told({100, 8}, use("Gather", 0)), "embedding [entries, width] 100x8 graph");
  EXPECT_EQ(told({100, 2, 4}, use("Gather", 0)), "embedding [entries, width, width] 100x8 graph");
  io::Usage second = use("Gather", 0);
  second.axis = 1;
  EXPECT_EQ(told({4, 100}, second), "embedding [width, entries] 100x4 graph");
  second.axis = -1;
  EXPECT_EQ(told({4, 100}, second), "embedding [width, entries] 100x4 graph");
  EXPECT_EQ(testing::told(entry("tied", {100, 8}, {moved(use("MatMul"), {1, 0}), use("Gather", 0)})),
            "embedding [entries, width] 100x8 graph");
}

TEST(GraphRole, MatricesThatAreLookedUpAndMultipliedWithAreAStack) {
  io::Usage product = use("MatMul", 1);
  product.gathered = true;
  EXPECT_EQ(testing::told(entry("x", {4, 3, 5}, {use("Gather", 0), product})),
            "expert_stack [stack, in, out] 4x5x3 graph");
  EXPECT_EQ(testing::told(entry("x", {4, 15}, {use("Gather", 0), product})), "embedding [entries, width] 4x15 graph")
      << "vectors that are looked up";
  EXPECT_EQ(testing::told(entry("x", {4, 3, 5}, {use("Gather", 0), reshaped(product)})),
            "embedding [entries, width, width] 4x15 graph");
  io::Usage added = use("Add");
  added.gathered = true;
  EXPECT_EQ(testing::told(entry("x", {4, 3, 5}, {added, use("Gather", 0)})),
            "embedding [entries, width, width] 4x15 graph");
}

TEST(GraphRole, RecurrentLayersAndTheirOtherInputs) {
  EXPECT_EQ(told({2, 32, 5}, use("LSTM", 1)), "recurrent [stack, out, in] 2x32x5 graph");
  EXPECT_TRUE(is_skipped(told({2, 64}, use("LSTM", 3)), "graph", "input 3 of LSTM")) << "biases";
  EXPECT_TRUE(is_skipped(told({1, 1, 8}, use("GRU", 5)), "graph", "input 5 of GRU")) << "an initial state";
  EXPECT_TRUE(is_skipped(told({1000, 4, 5}, use("LSTM", 1)), "graph", "1000 directions"));
}

TEST(GraphRole, WhatIsOnlyScaledAddedOrCountedIsNoMap) {
  EXPECT_TRUE(is_skipped(told({32, 2}, use("MatMulNBits", 2)), "graph", "input 2 of MatMulNBits"));
  EXPECT_TRUE(is_skipped(told({6, 3}, use("DequantizeLinear", 1)), "graph", "input 1 of DequantizeLinear"));
  EXPECT_TRUE(is_skipped(told({2048, 32}, use("RotaryEmbedding", 2)), "graph", "RotaryEmbedding"));
  EXPECT_TRUE(is_skipped(told({1, 8, 8}, use("LayerNormalization", 1)), "graph", "LayerNormalization"));
  EXPECT_TRUE(is_skipped(told({1, 8}, use("Gemm", 2)), "graph", "input 2 of Gemm"));
  EXPECT_TRUE(is_skipped(told({1, 8, 1, 1}, use("Mul", 1)), "graph", "entry by entry (Mul)"));
  EXPECT_EQ(testing::told(entry("x", {3, 5}, {use("Add"), use("MatMul")})), "dense [in, out] 5x3 graph")
      << "one use as a map is enough";
}

io::Usage seen_as(io::Usage u, Dimensions view) {
  u.reshaped = true;
  u.view = std::move(view);
  return u;
}

TEST(GraphRole, ThroughAReshapeWhoseShapeIsKnown) {
  EXPECT_EQ(told({6, 4, 5}, seen_as(use("MatMul"), {6, 20})), "dense [in, out, out] 20x6 graph") << "heads and width";
  EXPECT_EQ(told({4, 5, 6}, seen_as(use("MatMul"), {20, 6})), "dense [in, in, out] 6x20 graph");
  EXPECT_EQ(told({4, 5, 6}, moved(seen_as(use("MatMul"), {20, 6}), {1, 0})), "dense [out, out, in] 20x6 graph");
  EXPECT_EQ(told({3, 5, 1, 1}, seen_as(use("MatMul", 0), {3, 5})), "dense [out, in, in, in] 3x5 graph");
  EXPECT_EQ(told({2, 3, 5, 7}, seen_as(use("MatMul"), {6, 5, 7})), "expert_stack [stack, stack, in, out] 6x7x5 graph");
  EXPECT_EQ(told({6, 20}, seen_as(einsum("bi,ihd->bhd", 1), {6, 4, 5})), "dense [in, out] 20x6 graph");
  EXPECT_EQ(told({8, 5}, seen_as(use("Conv"), {8, 5, 1, 1})), "convolution [out, in] 8x5 graph");
  EXPECT_EQ(told({8, 18}, seen_as(use("Conv"), {8, 2, 3, 3})), "convolution [out, in] 8x18 graph");
  EXPECT_EQ(told({12, 5}, seen_as(use("GRU", 1), {1, 12, 5})), "recurrent [out, in] 12x5 graph");
}

TEST(GraphRole, AReshapeWhoseExtentsDoNotNestIsTheMatrixOfTheGraph) {
  EXPECT_EQ(told({8, 2}, seen_as(use("MatMul"), {4, 4})), "dense [4, 4] as [in, out] 4x4 graph");
  EXPECT_EQ(told({6, 4, 5}, seen_as(use("MatMul"), {8, 15})), "dense [8, 15] as [in, out] 15x8 graph");
  EXPECT_EQ(told({4, 6, 5}, seen_as(use("MatMul"), {4, 3, 10})),
            "expert_stack [4, 3, 10] as [stack, in, out] 4x10x3 graph");
  EXPECT_EQ(told({12, 5}, seen_as(use("MatMul"), {3, 4, 5})), "expert_stack [3, 4, 5] as [stack, in, out] 3x5x4 graph")
      << "rows of several matrices in one axis";
  EXPECT_EQ(told({8, 2}, moved(seen_as(use("Gemm"), {4, 4}), {1, 0})), "dense [4, 4] as [out, in] 4x4 graph");
  EXPECT_EQ(told({6, 18}, seen_as(grouped("Conv", 2), {6, 2, 3, 3})),
            "convolution [6, 2, 3, 3] as [out, in / 2, kernel, kernel] 2x3x18 graph");
  EXPECT_EQ(told({36, 3}, seen_as(grouped("ConvTranspose", 2), {6, 2, 3, 3})),
            "convolution [6, 2, 3, 3] as [in, out / 2, kernel, kernel] 2x2x27 graph");
  EXPECT_EQ(told({16, 5}, seen_as(use("LSTM"), {2, 8, 5})), "recurrent [2, 8, 5] as [stack, out, in] 2x8x5 graph");
  EXPECT_EQ(told({6, 4}, seen_as(use("Gather", 0), {8, 3})), "embedding [8, 3] as [entries, width] 8x3 graph");
  EXPECT_EQ(told({6, 4}, seen_as(einsum("bi,ihd->bhd", 1), {3, 2, 4})), "dense [3, 2, 4] as [in, out, out] 8x3 graph");
}

TEST(GraphRole, WhatIsTransposedBeforeAReshapeIsReadInTheOrderOfTheGraph) {
  const auto turned = [](io::Usage u, std::vector<int> order) {
    u.order = std::move(order);
    return u;
  };
  EXPECT_EQ(told({4, 3, 2}, turned(seen_as(use("MatMul"), {3, 8}), {1, 0, 2})), "dense [out, in, out] 8x3 graph");
  EXPECT_EQ(told({4, 3, 2}, turned(seen_as(use("MatMul"), {6, 4}), {1, 0, 2})),
            "dense [6, 4] of axes (1, 0, 2) as [in, out] 4x6 graph");
  EXPECT_EQ(told({5, 32}, turned(seen_as(use("LSTM"), {1, 32, 5}), {1, 0})), "recurrent [in, out] 32x5 graph");
  EXPECT_EQ(told({5, 32}, turned(seen_as(use("LSTM"), {1, 32, 5}), {-1})), "recurrent [in, out] 32x5 graph");
  EXPECT_EQ(told({18, 6}, turned(seen_as(grouped("Conv", 2), {6, 2, 3, 3}), {1, 0})),
            "convolution [6, 2, 3, 3] of axes (1, 0) as [out, in / 2, kernel, kernel] 2x3x18 graph");
  EXPECT_TRUE(is_skipped(told({4, 6}, turned(seen_as(use("MatMul"), {3, 8}), {1, 0, 2})), "graph", "rearranges"));
}

// True of a weight that is not read, so that no gate passes over it.
bool is_unread(const io::Entry& e, std::string_view reason) {
  const auto decision = graph_role(e);
  const auto* none = decision ? std::get_if<NoMatrix>(&*decision) : nullptr;
  return none != nullptr && none->is_weight && none->reason.find(reason) != std::string::npos;
}

bool is_unread(const Dimensions& shape, io::Usage u, std::string_view reason) {
  return is_unread(entry("x", shape, {std::move(u)}), reason);
}

TEST(GraphRole, AProductWithWhatIsNotFollowedIsAWeightThatIsNotRead) {
  EXPECT_TRUE(is_unread({6, 4, 5}, seen_as(use("MatMul"), {7, 20}), "rearranges")) << "of another size";
  EXPECT_TRUE(is_unread({6, 4, 5}, seen_as(use("MatMul"), {120}), "rearranges"));
  EXPECT_TRUE(is_unread({3, 5}, reshaped(use("MatMul")), "rearranges")) << "a matrix too";
  EXPECT_TRUE(is_unread({3, 5, 7}, reshaped(use("MatMul")), "rearranges"));
  EXPECT_TRUE(is_unread({8, 3, 5}, reshaped(use("Conv")), "rearranges"));
  EXPECT_TRUE(is_unread({8, 15}, use("Conv"), "rearranges"));
  EXPECT_TRUE(is_unread({3, 5}, reshaped(use("Gather", 0)), "rearranges"));
  EXPECT_TRUE(is_unread({3, 5}, einsum("bi,ij,jk->bk", 1), "not read"));
  EXPECT_TRUE(is_unread({8, 3, 5, 5}, grouped("Conv", 3), "3 groups"));
  EXPECT_TRUE(is_unread({1000, 4, 5}, use("LSTM", 1), "1000 directions"));
}

io::Usage computed(io::Usage u, std::string by) {
  u.computed_by = std::move(by);
  return u;
}

TEST(GraphRole, AProductWithWhatTheGraphComputesIsAWeightThatIsNotRead) {
  for (const char* op : {"MatMul", "Gemm", "Conv", "FusedMatMul", "LSTM"}) {
    EXPECT_TRUE(is_unread(entry("x", {6, 4}, {use("Mul", 0), computed(use(op), "Mul")}), "(Mul)")) << op;
  }
  EXPECT_TRUE(is_unread(entry("x", {6, 4}, {use("Add"), computed(einsum("bi,io->bo", 1), "Add")}), "Einsum"));
  EXPECT_TRUE(is_unread(entry("x", {6, 4}, {use("Mul", 0), computed(use("Gather", 0), "Mul")}), "Gather"));
  EXPECT_TRUE(is_unread(entry("x", {6, 4}, {use("Gather", 0), computed(use("MatMul"), "Gather")}), "(Gather)"))
      << "columns that the graph sorts";
  EXPECT_TRUE(is_skipped(testing::told(entry("x", {6, 4}, {use("Mul", 0), computed(use("Add", 0), "Mul")})), "graph",
                         "entry by entry (Mul)"));
  EXPECT_EQ(testing::told(entry("x", {6, 4}, {use("MatMul"), use("Mul", 0), computed(use("MatMul"), "Mul")})),
            "dense [in, out] 4x6 graph")
      << "multiplied with as it is stored, too";
  EXPECT_EQ(testing::told(entry("x", {6, 4}, {use("Gather", 0), use("Mul"), computed(use("Gather", 0), "Mul")})),
            "embedding [entries, width] 6x4 graph");
}

TEST(GraphRole, AVectorThatTheGraphMakesAMatrixOfIsOne) {
  EXPECT_EQ(told({24}, seen_as(use("MatMul"), {6, 4})), "dense [6, 4] as [in, out] 4x6 graph");
  EXPECT_EQ(told({108}, seen_as(grouped("Conv", 2), {6, 2, 3, 3})),
            "convolution [6, 2, 3, 3] as [out, in / 2, kernel, kernel] 2x3x18 graph");
  EXPECT_EQ(told({54}, seen_as(grouped("Conv", 6), {6, 1, 3, 3})),
            "convolution [6, 1, 3, 3] as [out, in / 6, kernel, kernel] 6x1x9 graph");
  EXPECT_TRUE(is_skipped(told({24}, reshaped(use("MatMul"))), "graph", "rearranges")) << "to a shape that is not known";
  for (const io::Usage& u : {use("MatMul"), use("Add"), seen_as(use("MatMul"), {24, 1}), seen_as(use("Add"), {6, 4}),
                             computed(use("MatMul"), "Mul")}) {
    EXPECT_TRUE(is_skipped(told({24}, u), "-", "vector")) << u.op;
  }
  EXPECT_TRUE(is_skipped(told({0}, seen_as(use("MatMul"), {0, 4})), "-", "empty"));
}

TEST(GraphRole, AScaleIsNoWeightThoughAWeightIsComputedFromIt) {
  io::Entry scale = entry("fc.weight_scale", {6, 1}, {use("Mul"), computed(use("MatMul"), "Mul")});
  const auto classified = classify(scale, Siblings({scale}));
  const auto* none = std::get_if<NoMatrix>(&classified);
  ASSERT_NE(none, nullptr);
  EXPECT_FALSE(none->is_weight) << none->reason;
}

io::Usage squeezed(io::Usage u) {
  u.reshaped = u.squeezed = true;
  return u;
}

TEST(GraphRole, AxesOfExtent1MoveNothing) {
  EXPECT_EQ(testing::told(entry("rnn.weight_ih_l0", {32, 5}, {squeezed(use("LSTM", 1))})),
            "recurrent [out, in] 32x5 name");
  EXPECT_EQ(told({1, 32, 5}, squeezed(use("LSTM", 1))), "recurrent [stack, out, in] 32x5 graph");
  EXPECT_EQ(told({8, 3, 5}, squeezed(use("Conv"))), "convolution [out, in, kernel] 8x15 graph");
  EXPECT_EQ(told({8, 1, 5}, squeezed(grouped("Conv", 8))), "convolution [out, in / 8, kernel] 8x1x5 graph");
  EXPECT_EQ(told({100, 8}, squeezed(use("Gather", 0))), "embedding [entries, width] 100x8 graph");
}

TEST(GraphRole, AnOperatorThatIsNotKnownLeavesItToWeakerEvidence) {
  EXPECT_EQ(told({3, 5}, use("SomethingNew")), "dense [out, in] 3x5 shape");
}

// What the graph computes from vectors is a weight like any other.
TEST(GraphRole, VectorsThatAWeightIsComputedFrom) {
  const auto computed = [](std::string op, int input, Dimensions view, bool reshaped = true) {
    io::Usage u = use(std::move(op), input);
    u.computed_by = "Mul";
    u.view = std::move(view);
    u.reshaped = reshaped;
    return u;
  };
  for (const auto& [op, input] : {std::pair{"MatMul", 1}, {"MatMul", 0}, {"Gemm", 1}, {"Conv", 1}, {"LSTM", 2}}) {
    EXPECT_TRUE(is_skipped(told({64}, computed(op, input, {8, 8})), "graph", "computes a weight of")) << op;
    EXPECT_TRUE(is_skipped(told({64}, computed(op, input, {})), "graph", "(Mul)")) << "dimensions that are not known";
    EXPECT_TRUE(is_skipped(told({64}, computed(op, input, {64, 1})), "-", "vector")) << "the scale of rows";
    EXPECT_TRUE(is_skipped(told({64}, computed(op, input, {}, false)), "-", "vector")) << "broadcast";
    io::Usage outer = computed(op, input, {64, 1});
    outer.of_vectors = true;
    EXPECT_TRUE(is_skipped(told({64}, outer), "graph", "computes a weight of")) << "an outer product";
  }
  EXPECT_TRUE(is_skipped(told({64}, computed("Add", 1, {8, 8})), "-", "vector"));
}

TEST(GraphRole, IntegersInAVectorThatAMatrixIsMadeOf) {
  io::Usage product = reshaped(use("MatMulInteger"));
  product.view = {8, 8};
  for (const DType dtype : {DType::i8, DType::u8, DType::i32}) {
    const auto told = classify(entry("x", {64}, {product}, dtype), Siblings());
    const auto* none = std::get_if<NoMatrix>(&told);
    ASSERT_NE(none, nullptr);
    EXPECT_TRUE(none->is_weight) << none->reason;
  }
  io::Entry unread = entry("x", {64}, {product});
  unread.unreadable = "quantized, but its scale is not a constant";
  EXPECT_EQ(testing::told(unread), "skip graph: quantized, but its scale is not a constant");
  EXPECT_EQ(testing::told(entry("x", {64}, {use("Reshape")}, DType::i64)), "skip -: i64: integers are not weights");
  EXPECT_EQ(testing::told(entry("x", {64}, {product}, DType::boolean)).substr(0, 6), "skip -");
}

// For a module pickled whole, and for the code of TorchScript.
TEST(GraphRole, WhatTheModuleOfATensorSays) {
  const auto declared = [](io::Usage u) {
    u.declared = true;
    return u;
  };
  EXPECT_EQ(told({6, 4, 3}, declared(grouped("ConvTranspose", 3))),
            "convolution [in, out / 3, kernel] 3x4x6 container");
  EXPECT_EQ(told({8, 3, 5, 5}, declared(grouped("Conv", 4))),
            "convolution [out, in / 4, kernel, kernel] 4x2x75 container");
  EXPECT_EQ(told({8, 3}, declared(use("Gather", 0))), "embedding [entries, width] 8x3 container");
  EXPECT_EQ(told({8, 3}, declared(use("MatMul", 1))), "dense [in, out] 3x8 container");
  EXPECT_TRUE(is_skipped(told({4, 3, 3}, declared(use("Bilinear", 2))), "container", "bilinear form"));
  EXPECT_TRUE(is_skipped(told({8, 2, 3}, declared(grouped("Conv", 0))), "container", "--as NAME=convolution:2"));
  EXPECT_TRUE(is_skipped(told({8, 2, 3}, grouped("ConvTranspose", 0)), "graph", "--as NAME=transposed_convolution:2"));
  EXPECT_TRUE(is_skipped(told({8, 2, 3}, use("Unknown", 0)), "graph", "which matrix it is, is not known"));
  for (const io::Usage& u : {use("Unknown", 0), grouped("Conv", 0), use("Bilinear", 2)}) {
    const auto told = classify(entry("x", {4, 3, 3}, {u}), Siblings());
    EXPECT_TRUE(std::get<NoMatrix>(told).is_weight) << u.op;
  }
}

}  // namespace
}  // namespace sigmax::audit
