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

TEST(graph_role, products_by_the_side_of_the_weight) {
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

TEST(graph_role, convolutions_and_their_groups) {
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

TEST(graph_role, einsum_by_its_equation) {
  EXPECT_EQ(told({3, 4, 5}, einsum("bsi,ihd->bshd", 1)), "dense [in, out, out] 20x3 graph");
  EXPECT_EQ(told({4, 5, 3}, einsum("bshd,hde->bse", 1)), "dense [in, in, out] 3x20 graph");
  EXPECT_EQ(told({2, 3, 5}, einsum("ebi,eio->ebo", 1)), "expert_stack [stack, in, out] 2x5x3 graph");
  EXPECT_EQ(told({3, 5}, einsum("oi, bi -> bo", 0)), "dense [out, in] 3x5 graph");
  EXPECT_EQ(told({3, 5}, einsum("bi,io", 1)), "dense [in, out] 5x3 graph") << "the result's indices in implicit form";
  EXPECT_TRUE(is_skipped(told({3, 5}, einsum("ij,ij->ij", 1)), "graph", "entry by entry"));
  for (const char* unread : {"bi,ij,jk->bk", "...i,io->...o", "bi,ii->b", "bi->b", "bi,ijk->bj", "", ","}) {
    EXPECT_TRUE(is_skipped(told({3, 5}, einsum(unread, 1)), "graph", "not read")) << unread;
  }
}

TEST(graph_role, tables_that_are_looked_up) {
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

TEST(graph_role, matrices_that_are_looked_up_and_multiplied_with_are_a_stack) {
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

TEST(graph_role, recurrent_layers_and_their_other_inputs) {
  EXPECT_EQ(told({2, 32, 5}, use("LSTM", 1)), "recurrent [stack, out, in] 2x32x5 graph");
  EXPECT_TRUE(is_skipped(told({2, 64}, use("LSTM", 3)), "graph", "input 3 of LSTM")) << "biases";
  EXPECT_TRUE(is_skipped(told({1, 1, 8}, use("GRU", 5)), "graph", "input 5 of GRU")) << "an initial state";
  EXPECT_TRUE(is_skipped(told({1000, 4, 5}, use("LSTM", 1)), "graph", "1000 directions"));
}

TEST(graph_role, what_is_only_scaled_added_or_counted_is_no_map) {
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

TEST(graph_role, through_a_reshape_whose_shape_is_known) {
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

TEST(graph_role, what_a_reshape_tears_apart_is_not_known) {
  EXPECT_TRUE(is_skipped(told({6, 4, 5}, seen_as(use("MatMul"), {8, 15})), "graph", "rearranges")) << "do not nest";
  EXPECT_TRUE(is_skipped(told({4, 6, 5}, seen_as(use("MatMul"), {4, 3, 10})), "graph", "rearranges"));
  EXPECT_EQ(told({12, 5}, seen_as(use("MatMul"), {3, 4, 5})), "dense [out, in] 12x5 shape")
      << "rows of several matrices in one axis";
  EXPECT_TRUE(is_skipped(told({6, 4, 5}, seen_as(use("MatMul"), {7, 20})), "graph", "rearranges")) << "of another size";
  EXPECT_TRUE(is_skipped(told({6, 4, 5}, seen_as(use("MatMul"), {120})), "graph", "rearranges"));
}

TEST(graph_role, without_its_axes_a_matrix_is_what_it_is_called_and_a_tensor_nothing) {
  EXPECT_EQ(told({3, 5}, reshaped(use("MatMul"))), "dense [out, in] 3x5 shape");
  EXPECT_EQ(testing::told(entry("rnn.weight_ih_l0", {32, 5}, {reshaped(use("LSTM", 1))})),
            "recurrent [out, in] 32x5 name");
  EXPECT_TRUE(is_skipped(told({3, 5, 7}, reshaped(use("MatMul"))), "graph", "rearranges"));
  EXPECT_EQ(told({8, 3, 5}, reshaped(use("Conv"))), "convolution [out, in, kernel] 8x15 graph");
  EXPECT_EQ(told({8, 1, 5}, reshaped(grouped("Conv", 8))), "convolution [out, in / 8, kernel] 8x1x5 graph");
  EXPECT_EQ(told({3, 5}, use("SomethingNew")), "dense [out, in] 3x5 shape") << "an operator that is not known";
}

}  // namespace
}  // namespace sigmax::audit
