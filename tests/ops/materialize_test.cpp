#include "sigmax/ops/materialize.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "gallery/stored.hpp"
#include "ops/counting_operator.hpp"
#include "sigmax/ops/compose.hpp"

namespace sigmax {
namespace {

TEST(Materialize, AsksAnOpaqueOperatorFromItsShorterSide) {
  Context context(1);
  const Counted tall(200, 70);
  static_cast<void>(materialize(*tall.a, context));
  EXPECT_EQ(tall.take(), (Counts{.apply = 2, .widest = 64}));
  const Counted wide(70, 200);
  static_cast<void>(materialize(*wide.a, context));
  EXPECT_EQ(wide.take(), (Counts{.adjoint = 2, .widest = 64}));
}

TEST(Materialize, TakesAProductsRightFactorThroughTheLeftOne) {
  Context context(1);
  const Counted left(30, 4);
  const auto a = left.a * constant(4, 50, 2);
  const Matrix<double> m = materialize(*a, context);
  EXPECT_EQ(left.take(), (Counts{.apply = 1, .widest = 50}));
  for (const double value : m.values()) EXPECT_EQ(value, 8);
}

// Rows or columns may be contiguous, and the operator may be the transpose. All are 37 x 70, more than one piece in
// each direction.
TEST(Materialize, IsExactForAStoredMatrixInEitherOrder) {
  Context context(2);
  const std::vector<double> values = gallery::normal(37 * 70, 5);
  const auto rows_first = dense<double>(Tensor::copy_of(values, {37, 70}));
  const auto columns_first = dense<double>(gallery::column_major(DType::f64, 37, 70, values));
  const auto turned = transposed(dense<double>(gallery::column_major(DType::f64, 70, 37, values)));
  const Matrix<double> a = materialize(*rows_first, context);
  const Matrix<double> c = materialize(*turned, context);
  for (std::int64_t i = 0; i < 37; ++i) {
    for (std::int64_t j = 0; j < 70; ++j) {
      ASSERT_EQ(a(i, j), values[static_cast<std::size_t>(i * 70 + j)]);
      ASSERT_EQ(c(i, j), values[static_cast<std::size_t>(j * 37 + i)]);
    }
  }
  EXPECT_EQ(materialize(*columns_first, context), a);
}

TEST(Materialize, CanBeCanceled) {
  Context context(1);
  context.request_cancel();
  const Counted opaque(4, 3);
  EXPECT_THROW(materialize(*opaque.a, context), Canceled);
  EXPECT_THROW(materialize(*constant(4, 3), context), Canceled);
}

}  // namespace
}  // namespace sigmax
