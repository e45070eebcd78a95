// Stored matrices and blocks of vectors in double.
#include "sigmax/linalg/convert.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

TEST(Convert, GivesTheStoredValuesOfEveryTypeAndStride) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    for (const auto& [rows, columns, gap] : {std::tuple{1, 1, 0}, {7, 3, 2}, {130, 5, 1}, {3, 70, 0}}) {
      const gallery::Stored a(dtype, rows, columns, gallery::normal(rows * columns, 3), gap, 1);
      std::vector<double> out(static_cast<std::size_t>(rows * columns));
      in_double(a.matrix(), 0.25, out.data(), context);
      std::vector<double> wanted = a.values();
      for (double& value : wanted) value *= 0.25;
      EXPECT_EQ(out, wanted) << a.what();
    }
  }
}

TEST(Convert, RefusesNumbersThatAreNotReal) {
  Context context(1);
  double out = 0;
  const std::int64_t one = 1;
  const kernels::StoredMatrix integers{DType::i64, reinterpret_cast<const std::byte*>(&one), 1, 1, 1};
  EXPECT_THROW(in_double(integers, 1, &out, context), Error);
}

TEST(Convert, TakesViewsWithGapsAndMovesDoublesThrough) {
  Matrix<float> whole(4, 3);
  for (std::int64_t j = 0; j < 3; ++j) {
    for (std::int64_t i = 0; i < 4; ++i) whole(i, j) = static_cast<float>(10 * i + j) / 3;
  }
  const MatrixView<const float> part(whole.values().data(), 2, 3, 4);
  const Matrix<double> found = converted<double>(part);
  ASSERT_EQ(found.rows(), 2);
  for (std::int64_t j = 0; j < 3; ++j) {
    for (std::int64_t i = 0; i < 2; ++i) EXPECT_EQ(found(i, j), static_cast<double>(whole(i, j)));
  }
  EXPECT_EQ(converted<float>(converted<double>(whole)), whole);
  Matrix<double> doubles(2, 2);
  const double* const at = doubles.values().data();
  EXPECT_EQ(converted<double>(std::move(doubles)).values().data(), at);
}

TEST(Convert, RoundsToNearest) {
  Matrix<double> x(1, 2);
  x(0, 0) = 1 + 0x1p-24;  // halfway: rounds to even
  x(0, 1) = 1 + 0x1.8p-24;
  const Matrix<float> rounded = converted<float>(x);
  EXPECT_EQ(rounded(0, 0), 1.0F);
  EXPECT_EQ(rounded(0, 1), 1.0F + 0x1p-23F);
  EXPECT_EQ(converted<double>(x), x);
}

}  // namespace
}  // namespace sigmax
