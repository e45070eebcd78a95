#include "sigmax/core/tensor.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

Tensor iota(Dimensions shape) {
  std::vector<double> values(static_cast<std::size_t>(*element_count(shape)));
  std::iota(values.begin(), values.end(), 0.0);
  return Tensor::copy_of(std::span<const double>(values), std::move(shape));
}

double at(const Tensor& tensor, std::vector<std::int64_t> index) { return tensor.at(index); }

// The transpose of a row-major matrix of doubles, without a copy.
Tensor transposed(const Tensor& matrix) {
  return Tensor(matrix.dtype(), {matrix.shape()[1], matrix.shape()[0]}, {1, matrix.shape()[1]}, matrix.data(),
                matrix.owner());
}

TEST(ElementCount, IsTheProductAndOneForAScalar) {
  EXPECT_EQ(element_count(Dimensions{}), 1);
  EXPECT_EQ(element_count(Dimensions{3, 4, 5}), 60);
  EXPECT_EQ(element_count(Dimensions{3, 0, 5}), 0);
  EXPECT_EQ(element_count(Dimensions{kLargest}), kLargest);
}

TEST(ElementCount, RefusesNegativeExtentsAndOverflow) {
  EXPECT_FALSE(element_count(Dimensions{3, -1}));
  EXPECT_FALSE(element_count(Dimensions{0, -1}));
  EXPECT_FALSE(element_count(Dimensions{kLargest, 2}));
  EXPECT_FALSE(element_count(Dimensions{std::int64_t{1} << 32, std::int64_t{1} << 32}));
  // A zero extent does not excuse the strides: they would overflow.
  EXPECT_FALSE(element_count(Dimensions{0, std::int64_t{1} << 32, std::int64_t{1} << 32}));
}

TEST(Tensors, RowMajorStridesCountElements) {
  EXPECT_EQ(row_major_strides(Dimensions{2, 3, 4}), (Dimensions{12, 4, 1}));
  EXPECT_EQ(row_major_strides(Dimensions{}), Dimensions{});
  EXPECT_EQ(to_string(Dimensions{64, 3, 7, 7}), "[64, 3, 7, 7]");
}

TEST(Tensors, KeepTheirOwnerAliveThroughEverySubtensor) {
  auto storage = std::make_shared<std::vector<double>>(12, 7.0);
  const std::weak_ptr<std::vector<double>> watch = storage;
  const auto* bytes = reinterpret_cast<const std::byte*>(storage->data());
  Tensor part = Tensor(DType::f64, {3, 4}, bytes, std::move(storage)).slice(1).range(2, 2);
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(at(part, {1}), 7.0);
  part = Tensor();
  EXPECT_TRUE(watch.expired());
}

TEST(Tensors, SlicesAndRangesShareTheBytes) {
  const Tensor tensor = iota({3, 2, 2});
  const Tensor slice = tensor.slice(2);
  EXPECT_EQ(slice.shape(), (Dimensions{2, 2}));
  EXPECT_EQ(at(slice, {1, 0}), 10.0);
  const Tensor range = tensor.range(1, 2);
  EXPECT_EQ(range.shape(), (Dimensions{2, 2, 2}));
  EXPECT_EQ(range.data(), tensor.data() + 4 * sizeof(double));
  EXPECT_EQ(tensor.range(3, 0).size(), 0);
}

TEST(Tensors, RefuseRangesOutsideTheirShape) {
  const Tensor tensor = iota({3, 2});
  EXPECT_THROW(tensor.slice(3), Error);
  EXPECT_THROW(tensor.slice(-1), Error);
  EXPECT_THROW(tensor.range(2, 2), Error);
  EXPECT_THROW(tensor.range(0, -1), Error);
  EXPECT_THROW(tensor.range(1, kLargest), Error);
  EXPECT_THROW(iota({}).slice(0), Error);
  EXPECT_THROW(at(tensor, {0, 2}), Error);
  EXPECT_THROW(at(tensor, {0}), Error);
}

TEST(Tensors, StridedTensorsReadTransposedAndCompactInOrder) {
  const Tensor transpose = transposed(iota({2, 3}));
  EXPECT_FALSE(transpose.is_row_major());
  EXPECT_EQ(at(transpose, {2, 1}), 5.0);
  const Tensor compact = transpose.compact();
  EXPECT_TRUE(compact.is_row_major());
  const double expected[] = {0, 3, 1, 4, 2, 5};
  EXPECT_EQ(std::memcmp(compact.data(), expected, sizeof expected), 0);
  EXPECT_EQ(at(transpose.reshaped({6}), {3}), 4.0);
  EXPECT_EQ(at(transpose.slice(1), {1}), 4.0);
}

TEST(Tensors, AnExpandedTensorThatNoMemoryHoldsIsNotCopied) {
  const Tensor value = iota({2});
  // 2^61 elements of 8 bytes are 2^64, which is 0 in 64 bits.
  const Tensor expanded(DType::f64, {std::int64_t{1} << 60, 2}, {0, 1}, value.data(), value.owner());
  EXPECT_THROW(expanded.compact(), Error);
  EXPECT_THROW(expanded.reshaped({2, std::int64_t{1} << 60}), Error);
}

TEST(Tensors, ZeroStridesExpandAValue) {
  const Tensor value = iota({2});
  const Tensor expanded(DType::f64, {3, 2}, {0, 1}, value.data(), value.owner());
  EXPECT_FALSE(expanded.is_row_major());
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(at(expanded.compact(), {i, 1}), 1.0);
}

TEST(Tensors, ExtentsOfOneDoNotMakeATensorStrided) {
  const Tensor value = iota({4});
  EXPECT_TRUE(Tensor(DType::f64, {1, 4}, {99, 1}, value.data(), value.owner()).is_row_major());
}

TEST(Tensors, RefuseStridesThatDoNotFit) {
  const Tensor value = iota({4});
  EXPECT_THROW(Tensor(DType::f64, {2, 2}, {1}, value.data(), value.owner()), Error);
  EXPECT_THROW(Tensor(DType::f64, {2, 2}, {-2, 1}, value.data(), value.owner()), Error);
  EXPECT_THROW(Tensor(DType::f64, {kLargest, 2}, value.data(), value.owner()), Error);
}

TEST(Tensors, ReshapingKeepsTheElementCount) {
  const Tensor tensor = iota({2, 3});
  EXPECT_EQ(tensor.reshaped({3, 2}).data(), tensor.data());
  EXPECT_THROW(tensor.reshaped({4, 2}), Error);
}

TEST(Tensors, StoreValuesRoundedToTheirType) {
  const double third = 1.0 / 3;
  const std::vector<double> values{third, -65505.0};
  const auto stored = [&](DType type) { return at(Tensor::rounded(values, {2}, type), {0}); };
  EXPECT_EQ(stored(DType::f64), third);
  EXPECT_EQ(stored(DType::f32), static_cast<double>(static_cast<float>(third)));
  EXPECT_EQ(stored(DType::f16), f16_to_double(double_to_f16(third)));
  EXPECT_EQ(stored(DType::bf16), bf16_to_double(double_to_bf16(third)));
  EXPECT_THROW(Tensor::rounded(values, {2}, DType::i32), Error);
  EXPECT_THROW(Tensor::rounded(values, {3}, DType::f32), Error);
  const std::vector<float> floats{1.5F};
  EXPECT_EQ(at(Tensor::copy_of(std::span<const float>(floats), {1}), {0}), 1.5);
}

TEST(Tensors, EmptyTensorsAreLegal) {
  const Tensor empty = iota({0, 3});
  EXPECT_EQ(empty.size(), 0);
  EXPECT_TRUE(empty.is_row_major());
  EXPECT_EQ(empty.compact().size(), 0);
  EXPECT_EQ(Tensor().rank(), 0U);
}

template <class Values>
concept MayView = requires(Values&& values) {
  Tensor::view_of(std::forward<Values>(values), {2, 3});
  Tensor::view_of(std::forward<Values>(values), {2, 3}, {3, 1});
};

TEST(Tensors, ViewMemoryOfTheCallersAndCopyNothing) {
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const Tensor view = Tensor::view_of(values, {2, 3});
  EXPECT_EQ(view.dtype(), DType::f32);
  EXPECT_EQ(view.data(), reinterpret_cast<const std::byte*>(values.data()));
  values[5] = 7;
  EXPECT_EQ(at(view, {1, 2}), 7.0);
  const std::vector<double> doubles = {1, 2};
  EXPECT_EQ(Tensor::view_of(doubles, {2}).dtype(), DType::f64);
  // A vector that is gone when the call returns is refused by the compiler.
  static_assert(MayView<std::vector<float>&>);
  static_assert(MayView<const std::vector<double>&>);
  static_assert(!MayView<std::vector<float>>);
  static_assert(!MayView<std::vector<double>>);
}

TEST(Tensors, AViewHasTheStridesOfItsMemory) {
  const std::vector<double> columns = {1, 4, 2, 5, 3, 6};
  const Tensor view = Tensor::view_of(columns, {2, 3}, {1, 2});
  EXPECT_EQ(at(view, {0, 2}), 3.0);
  EXPECT_EQ(at(view, {1, 0}), 4.0);
  // The last row of rows with gaps may end where its values end.
  EXPECT_EQ(at(Tensor::view_of(columns, {2, 2}, {4, 1}), {1, 1}), 6.0);
  EXPECT_EQ(Tensor::view_of(std::span<const double>(), {0, 3}, {3, 1}).size(), 0);
}

TEST(Tensors, AViewEndsWithinItsMemory) {
  const std::vector<double> six(6, 1.0);
  EXPECT_THROW(Tensor::view_of(six, {2, 2}), Error);
  EXPECT_THROW(Tensor::view_of(six, {3, 3}), Error);
  EXPECT_THROW(Tensor::view_of(six, {2, 3}, {4, 1}), Error);
  EXPECT_THROW(Tensor::view_of(six, {2, 3}, {1}), Error);
  EXPECT_THROW(Tensor::view_of(six, {2, 3}, {-1, 1}), Error);
  EXPECT_THROW(Tensor::view_of(six, {3, 2}, {kLargest, 1}), Error);
  EXPECT_THROW(Tensor::view_of(six, {2, 2}, {kLargest, 1}), Error);
}

}  // namespace
}  // namespace sigmax
