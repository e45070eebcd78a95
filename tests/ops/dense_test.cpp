// How a tensor becomes a stored matrix: in place if possible, otherwise copied once.
#include "sigmax/ops/dense.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

std::string message_of(const Tensor& tensor) {
  try {
    static_cast<void>(dense<double>(tensor));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// The entries of a view, row-major in the tensor's own orientation.
std::vector<double> entries(const StoredView& view, std::int64_t rows, std::int64_t columns) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const std::int64_t at = view.transposed ? j * view.matrix.stride + i : i * view.matrix.stride + j;
      all.push_back(gallery::fetch(view.matrix.dtype, view.matrix.data, static_cast<std::size_t>(at)));
    }
  }
  return all;
}

TEST(StoredView, ReadsRowMajorAndColumnMajorTensorsWhereTheyLie) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6};
  const Tensor rows_first = Tensor::copy_of(values, {2, 3});
  EXPECT_EQ(stored_view(rows_first).matrix.data, rows_first.data());
  EXPECT_FALSE(stored_view(rows_first).transposed);
  EXPECT_EQ(entries(stored_view(rows_first), 2, 3), values);
  const Tensor columns_first = gallery::column_major(DType::f64, 2, 3, values);
  EXPECT_EQ(stored_view(columns_first).matrix.data, columns_first.data());
  EXPECT_TRUE(stored_view(columns_first).transposed);
  EXPECT_EQ(entries(stored_view(columns_first), 2, 3), values);
}

TEST(StoredView, ReadsRowsWithALeadingStrideWhereTheyLie) {
  const Tensor whole = Tensor::copy_of(std::vector<double>{1, 2, -1, 3, 4, -1}, {2, 3});
  const Tensor part(DType::f64, {2, 2}, {3, 1}, whole.data(), whole.owner());
  EXPECT_EQ(stored_view(part).matrix.data, whole.data());
  EXPECT_EQ(entries(stored_view(part), 2, 2), (std::vector<double>{1, 2, 3, 4}));
}

TEST(StoredView, CopiesEveryOtherLayout) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(entries(stored_view(gallery::gapped(DType::f32, 3, 2, values)), 3, 2), values);
  // Expanded tensors, as a broadcast leaves them: a stride of zero.
  const Tensor row = Tensor::copy_of(std::vector<double>{1, 2, 3}, {3});
  const Tensor same_rows(DType::f64, {2, 3}, {0, 1}, row.data(), row.owner());
  EXPECT_EQ(entries(stored_view(same_rows), 2, 3), (std::vector<double>{1, 2, 3, 1, 2, 3}));
  const Tensor same_columns(DType::f64, {3, 2}, {1, 0}, row.data(), row.owner());
  EXPECT_EQ(entries(stored_view(same_columns), 3, 2), (std::vector<double>{1, 1, 2, 2, 3, 3}));
  const Tensor one_value(DType::f64, {3, 1}, {0, 0}, row.data(), row.owner());
  EXPECT_EQ(entries(stored_view(one_value), 3, 1), (std::vector<double>{1, 1, 1}));
  const Tensor overlapping(DType::f64, {2, 2}, {1, 1}, row.data(), row.owner());
  EXPECT_EQ(entries(stored_view(overlapping), 2, 2), (std::vector<double>{1, 2, 2, 3}));
}

TEST(Dense, KeepsTheBytesAlive) {
  Operator<double> a;
  {
    const Tensor tensor = Tensor::copy_of(std::vector<double>{1, 2, 3, 4}, {2, 2});
    a = dense<double>(tensor);
  }
  Context context(1);
  const std::vector<double> x = {1, 1};
  std::vector<double> y(2);
  a->apply(std::span<const double>(x), std::span<double>(y), context);
  EXPECT_EQ(y, (std::vector<double>{3, 7}));
  const Structure<double> form = a->structure();
  const auto* stored = std::get_if<structure::Stored>(&form);
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->matrix->rows, 2);
}

TEST(Dense, RefusesWhatIsNotARealMatrixAndSaysWhy) {
  EXPECT_NE(message_of(Tensor::copy_of(std::vector<double>{1, 2}, {2})).find("[2]"), std::string::npos);
  EXPECT_NE(message_of(Tensor::copy_of(std::vector<double>{1, 2}, {1, 2, 1})).find("2 dimensions"), std::string::npos);
  EXPECT_NE(message_of(Tensor(DType::i8, {1, 1}, nullptr, nullptr)).find("i8"), std::string::npos);
}

TEST(Dense, BorrowsAStoredMatrixAndComputesInItsTypeAlone) {
  Context context(1);
  const gallery::Stored a(DType::f32, 7, 4, gallery::normal(28, 2), 3, 1);
  const Operator<double> borrowed = dense<double>(a.matrix());
  const Operator<double> owned = dense<double>(Tensor::copy_of(a.values(), {7, 4}));
  EXPECT_EQ(std::get<structure::Stored>(borrowed->structure()).matrix->data, a.matrix().data);
  EXPECT_EQ(borrowed->in_single(), nullptr);
  EXPECT_NE(owned->in_single(), nullptr);
  const std::vector<double> x = gallery::normal(4, 5);
  std::vector<double> y(7), wanted(7), z(4), back(4);
  borrowed->apply(x, y, context);
  owned->apply(x, wanted, context);
  EXPECT_EQ(y, wanted);
  borrowed->apply_adjoint(y, z, context);
  owned->apply_adjoint(y, back, context);
  EXPECT_EQ(z, back);
}

}  // namespace
}  // namespace sigmax
