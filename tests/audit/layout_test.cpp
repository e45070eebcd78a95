#include "sigmax/audit/layout.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "sigmax/audit/roles/stored_layout.hpp"

namespace sigmax::audit {
namespace {

// Entry by entry 0, 1, 2, ... in the tensor's own order.
Tensor counted(const Dimensions& shape) {
  std::vector<double> values(static_cast<std::size_t>(*element_count(shape)));
  std::iota(values.begin(), values.end(), 0.0);
  return Tensor::copy_of(values, shape);
}

// Each entry of each block against the index that the layout gives back for it, which in turn meets every element of
// the tensor once.
void check(const Layout& layout, const Dimensions& shape, const BlockShape& expected) {
  const Tensor tensor = counted(shape);
  const std::vector<Tensor> blocks = blocks_of(tensor, layout);
  const BlockShape block = block_shape(layout, shape);
  EXPECT_EQ(block.batch, expected.batch) << layout_text(layout);
  EXPECT_EQ(block.rows, expected.rows) << layout_text(layout);
  EXPECT_EQ(block.columns, expected.columns) << layout_text(layout);
  ASSERT_EQ(blocks.size(), static_cast<std::size_t>(block.batch));
  std::vector<bool> met(static_cast<std::size_t>(tensor.size()));
  for (std::int64_t b = 0; b < block.batch; ++b) {
    const Tensor& matrix = blocks[static_cast<std::size_t>(b)];
    ASSERT_EQ(matrix.shape(), (Dimensions{block.rows, block.columns}));
    for (std::int64_t i = 0; i < block.rows; ++i) {
      for (std::int64_t j = 0; j < block.columns; ++j) {
        const Dimensions index = tensor_index(layout, shape, b, i, j);
        const double value = tensor.at(index);
        ASSERT_EQ(matrix.at(Dimensions{i, j}), value) << layout_text(layout);
        EXPECT_FALSE(met[static_cast<std::size_t>(value)]);
        met[static_cast<std::size_t>(value)] = true;
      }
    }
  }
}

TEST(Layout, BlocksHoldEachElementOnceAndKnowWhereItWas) {
  using enum Axis;
  check({{out, in}, 1, 0}, {3, 5}, {1, 3, 5});
  check({{in, out}, 1, 0}, {3, 5}, {1, 5, 3});
  check(convolution_layout(4, 1), {6, 4, 3, 2}, {1, 6, 24});
  check(convolution_layout(4, 3), {6, 4, 3, 2}, {3, 2, 24});
  check(convolution_layout(3, 6), {6, 1, 5}, {6, 1, 5});
  check(transposed_convolution_layout(4, 1), {6, 4, 3, 2}, {1, 4, 36});
  check(transposed_convolution_layout(4, 2), {6, 4, 3, 2}, {2, 4, 18});
  check(transposed_convolution_layout(5, 3), {6, 2, 2, 1, 3}, {3, 2, 12});
  check(channels_last_layout(4, 1), {3, 2, 4, 6}, {1, 6, 24});
  check(channels_last_layout(4, 2), {3, 2, 4, 6}, {2, 3, 24});
  check(channels_last_layout(3, 1), {5, 4, 6}, {1, 6, 20});
  check(depthwise_channels_last_layout({3, 2, 4, 2}), {3, 2, 4, 2}, {4, 2, 6});
  check({{stack, out, in}, 1, 0}, {4, 3, 5}, {4, 3, 5});
  check({{stack, in, out}, 1, 0}, {4, 3, 5}, {4, 5, 3});
  check({{out, in, out}, 1, 0}, {4, 3, 5}, {1, 20, 3});
  check({{in, stack, out}, 1, 0}, {4, 3, 5}, {3, 5, 4});
  check({{stack, stack, out, in}, 1, 0}, {2, 3, 4, 5}, {6, 4, 5});
  check({{width, entries}, 1, 0}, {3, 7}, {1, 7, 3});
  check({{in, out}, 1, 0, {4, 4}}, {8, 2}, {1, 4, 4});
  check({{stack, in, out}, 1, 0, {2, 3, 4}}, {6, 4}, {2, 4, 3});
  check({{in, out}, 1, 0, {3, 8}, {1, 0, 2}}, {4, 3, 2}, {1, 8, 3});
  check({{out, in}, 1, 0, {3, 8}, {2, 0, 1}}, {3, 4, 2}, {1, 3, 8});
  check({{out, in, kernel}, 2, 0, {6, 2, 9}}, {6, 18}, {2, 3, 18});
}

TEST(Layout, WhatStridesCanSayIsNotCopied) {
  const auto shares = [](const Layout& layout, const Dimensions& shape) {
    const Tensor tensor = counted(shape);
    return blocks_of(tensor, layout).front().data() == tensor.data();
  };
  EXPECT_TRUE(shares({{Axis::in, Axis::out}, 1, 0}, {3, 5}));
  EXPECT_TRUE(shares(convolution_layout(4, 3), {6, 4, 3, 2}));
  EXPECT_TRUE(shares(channels_last_layout(4, 1), {3, 2, 4, 6}));
  EXPECT_FALSE(shares(transposed_convolution_layout(4, 1), {6, 4, 3, 2}));
}

TEST(Layout, OfAStridedTensor) {
  const Tensor stored = counted({5, 3});
  const Tensor transposed(DType::f64, {3, 5}, {1, 3}, stored.data(), stored.owner());
  const Tensor block = blocks_of(transposed, {{Axis::in, Axis::out}, 1, 0}).front();
  EXPECT_EQ(block.shape(), (Dimensions{5, 3}));
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) EXPECT_EQ(block.at(Dimensions{i, j}), stored.at(Dimensions{i, j}));
  }
}

TEST(Layout, TextCountsTheChannelsOfOneGroup) {
  EXPECT_EQ(layout_text(convolution_layout(4, 32)), "[out, in / 32, kernel, kernel]");
  EXPECT_EQ(layout_text(transposed_convolution_layout(3, 2)), "[in, out / 2, kernel]");
  EXPECT_EQ(layout_text(depthwise_channels_last_layout({3, 3, 8, 1})), "[kernel, kernel, in, out / 8]");
  EXPECT_EQ(layout_text({{Axis::stack, Axis::entries, Axis::width}, 1, 0}), "[stack, entries, width]");
  EXPECT_EQ(stack_shape(convolution_layout(4, 3), {6, 4, 3, 2}), (Dimensions{3}));
  EXPECT_EQ(stack_shape({{Axis::stack, Axis::stack, Axis::out, Axis::in}, 1, 0}, {2, 3, 4, 5}), (Dimensions{2, 3}));
  EXPECT_TRUE(stack_shape({{Axis::out, Axis::in}, 1, 0}, {4, 5}).empty());
}

}  // namespace
}  // namespace sigmax::audit
