// One pass over a matrix against long double: sums, the largest entry, and non-finite entries.
#include "sigmax/kernels/scan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using gallery::kStorageTypes;
using gallery::normal;
using gallery::Stored;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_sum(double computed, long double wanted, std::int64_t terms, const std::string& what) {
  EXPECT_LE(std::fabs(computed - wanted), tolerance::gamma(terms) * wanted) << what << ": " << computed;
}

void check(const Stored& stored, Context& context) {
  const StoredMatrix a = stored.matrix();
  const Scan found = scan(a, context);
  const std::string what = stored.what();
  double largest = 0;
  long double squares = 0;
  long double row_sum = 0;
  std::vector<long double> column_sums(static_cast<std::size_t>(a.columns));
  for (std::int64_t i = 0; i < a.rows; ++i) {
    long double sum = 0;
    for (std::int64_t j = 0; j < a.columns; ++j) {
      const double magnitude = std::fabs(stored(i, j));
      const long double scaled = static_cast<long double>(magnitude) * found.scale;
      largest = std::max(largest, magnitude);
      sum += magnitude;
      squares += scaled * scaled;
      column_sums[static_cast<std::size_t>(j)] += magnitude;
    }
    row_sum = std::max(row_sum, sum);
  }
  EXPECT_EQ(found.max_abs, largest) << what;
  EXPECT_TRUE(found.finite()) << what;
  EXPECT_FALSE(found.first_non_finite.has_value()) << what;
  int exponent = 0;
  EXPECT_EQ(std::frexp(found.scale, &exponent), 0.5) << what << " scale " << found.scale;
  // One more term for the square itself and one for the scale.
  expect_sum(found.sum_squares, squares, a.size() + 2, "sum of squares, " + what);
  expect_sum(found.largest_row_sum, row_sum, a.columns, "row sum, " + what);
  expect_sum(found.largest_column_sum, *std::max_element(column_sums.begin(), column_sums.end()), a.rows,
             "column sum, " + what);
}

Stored sample(DType dtype, std::int64_t rows, std::int64_t columns, std::int64_t gap = 0, std::int64_t offset = 0) {
  return {dtype, rows, columns, normal(rows * columns, 17), gap, offset};
}

TEST(Scan, SumsWithinItsErrorBoundForEveryShapeAroundTheVectorLengths) {
  Context context(1);
  for (const DType dtype : kStorageTypes) {
    for (std::int64_t rows = 1; rows <= 20; ++rows) {
      for (std::int64_t columns = 1; columns <= 40; ++columns) {
        check(sample(dtype, rows, columns, columns % 4, rows % 3), context);
      }
    }
  }
}

TEST(Scan, SumsWithinItsErrorBoundOnEveryInstructionSet) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    for (const DType dtype : kStorageTypes) {
      for (std::int64_t columns = 1; columns <= 35; ++columns) check(sample(dtype, 5, columns, 1, 1), context);
    }
  });
}

TEST(Scan, SumsWithinItsErrorBoundAcrossPieces) {
  Context context(3);
  for (const DType dtype : kStorageTypes) check(sample(dtype, 1000, 700, 1, 1), context);
  check(sample(DType::f32, 3, 200000), context);
  check(sample(DType::f32, 200000, 3), context);
  check(sample(DType::f16, 1, 600000), context);
  check(sample(DType::bf16, 600000, 1), context);
}

TEST(Scan, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const auto& [rows, columns] : {std::pair{1000, 700}, {200000, 5}, {5, 200000}}) {
    const Stored stored = sample(DType::f32, rows, columns);
    Context one(1);
    const Scan wanted = scan(stored.matrix(), one);
    for (const int threads : {2, 3}) {
      Context context(threads);
      const Scan found = scan(stored.matrix(), context);
      EXPECT_EQ(found.max_abs, wanted.max_abs);
      EXPECT_EQ(found.sum_squares, wanted.sum_squares);
      EXPECT_EQ(found.largest_row_sum, wanted.largest_row_sum);
      EXPECT_EQ(found.largest_column_sum, wanted.largest_column_sum);
    }
  }
}

TEST(Scan, CountsAndLocatesWhatIsNotFinite) {
  Context context(2);
  for (const DType dtype : kStorageTypes) {
    for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{3, 37}, {1, 1}, {9, 1}, {900, 700}}) {
      const std::int64_t size = rows * columns;
      for (const std::int64_t at : {std::int64_t{0}, size / 2, size - 1}) {
        for (const double value : {kNaN, kInfinity, -kInfinity}) {
          Stored stored = sample(dtype, rows, columns, 2, 1);
          stored.set(at / columns, at % columns, value);
          const Scan found = scan(stored.matrix(), context);
          EXPECT_FALSE(found.finite());
          EXPECT_EQ(found.nan, std::isnan(value) ? 1 : 0) << stored.what();
          EXPECT_EQ(found.infinite, std::isnan(value) ? 0 : 1) << stored.what();
          EXPECT_EQ(found.first_non_finite, at) << stored.what();
        }
      }
    }
  }
}

TEST(Scan, CountsEveryKindOnEveryInstructionSet) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const DType dtype : kStorageTypes) {
      Stored stored = sample(dtype, 6, 29);
      for (std::int64_t j = 3; j < 29; j += 5) stored.set(4, j, kNaN);
      for (std::int64_t j = 7; j < 29; j += 11) stored.set(3, j, j % 2 == 0 ? kInfinity : -kInfinity);
      const Scan found = scan(stored.matrix(), context);
      EXPECT_EQ(found.nan, 6) << target;
      EXPECT_EQ(found.infinite, 2) << target;
      EXPECT_EQ(found.first_non_finite, 3 * 29 + 7) << target;
    }
  });
}

TEST(Scan, KeepsTheSquaresOfHugeAndTinyEntriesInRange) {
  Context context(1);
  using F64 = std::numeric_limits<double>;
  for (const double unit : {1e300, 1e160, 1e125, 1e-125, 1e-160, 1e-300, F64::min()}) {
    std::vector<double> values = normal(7 * 23, 9);
    for (double& value : values) value *= unit;
    check({DType::f64, 7, 23, values}, context);
  }
  for (const double value : {F64::max(), F64::denorm_min(), 3 * F64::denorm_min()}) {
    const Stored stored(DType::f64, 1, 1, std::vector<double>{-value});
    check(stored, context);
    const Scan found = scan(stored.matrix(), context);
    EXPECT_EQ(std::sqrt(found.sum_squares) / found.scale, value);
  }
  for (const float value : {std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()}) {
    check({DType::f32, 3, 11, std::vector<double>(33, value)}, context);
  }
}

TEST(Scan, GivesAnInfiniteSumOfFiniteEntriesWithoutCallingThemInfinite) {
  Context context(1);
  const Stored stored(DType::f64, 2, 19, std::vector<double>(38, std::numeric_limits<double>::max()));
  const Scan found = scan(stored.matrix(), context);
  EXPECT_TRUE(found.finite());
  EXPECT_EQ(found.largest_row_sum, kInfinity);
  EXPECT_EQ(found.largest_column_sum, kInfinity);
  EXPECT_TRUE(std::isfinite(found.sum_squares));
}

TEST(Scan, KnowsZeroAndEmptyMatrices) {
  Context context(1);
  const Scan zero = scan(Stored(DType::f16, 3, 5, std::vector<double>(15, -0.0)).matrix(), context);
  EXPECT_TRUE(zero.finite());
  EXPECT_EQ(zero.max_abs, 0);
  EXPECT_EQ(zero.sum_squares, 0);
  EXPECT_EQ(zero.scale, 1);
  const Scan empty = scan({DType::f32, nullptr, 0, 4, 4}, context);
  EXPECT_TRUE(empty.finite());
  EXPECT_EQ(empty.largest_row_sum, 0);
}

TEST(Scan, RefusesTypesThatAreNotReal) {
  Context context(1);
  EXPECT_THROW(scan({DType::u8, nullptr, 0, 0, 0}, context), Error);
}

}  // namespace
}  // namespace sigmax::kernels
