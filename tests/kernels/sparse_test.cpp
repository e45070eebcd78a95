// Products in compressed rows against long double, for every instruction set.
#include "sigmax/kernels/sparse.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

// Rows of 0, 1, 2, ... entries in columns 3 apart.
struct Sample {
  explicit Sample(std::int64_t row_count, std::int64_t column_count) : columns(column_count) {
    for (std::int64_t i = 0; i < row_count; ++i) {
      for (std::int64_t j = i % 3; j < column_count && j < 3 * i; j += 3)
        column.push_back(static_cast<std::int32_t>(j));
      begin.push_back(static_cast<std::int64_t>(column.size()));
    }
    values = gallery::normal(static_cast<std::int64_t>(column.size()), 3);
  }
  CompressedRows rows() const { return {begin, column}; }

  std::int64_t columns;
  std::vector<std::int64_t> begin{0};
  std::vector<std::int32_t> column;
  std::vector<double> values;
};

Matrix<double> block(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Matrix<double> x(rows, columns);
  std::ranges::copy(gallery::normal(rows * columns, seed), x.values().begin());
  return x;
}

TEST(SparseKernels, MultiplyBlocksOfAnyWidth) {
  const Sample a(40, 90);
  Context context(2);
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    for (std::int64_t width = 1; width <= 19; ++width) {
      const Matrix<double> x = block(a.columns, width, 5);
      Matrix<double> y(40, width);
      multiply<double>(a.rows(), a.values, x.view(), y.view(), context);
      for (std::int64_t l = 0; l < width; ++l) {
        for (std::int64_t i = 0; i < 40; ++i) {
          long double sum = 0, magnitude = 0;
          const std::int64_t first = a.begin[static_cast<std::size_t>(i)];
          const std::int64_t last = a.begin[static_cast<std::size_t>(i) + 1];
          for (std::int64_t e = first; e < last; ++e) {
            const auto at = static_cast<std::size_t>(e);
            const long double term = static_cast<long double>(a.values[at]) * x(a.column[at], l);
            sum += term;
            magnitude += std::fabs(term);
          }
          ASSERT_LE(std::fabs(y(i, l) - sum), tolerance::gamma(last - first) * magnitude) << i << ' ' << l;
        }
      }
    }
  });
}

// The order of a sum is that of the row, whatever multiplies it.
TEST(SparseKernels, GiveTheSameBitsOnEveryInstructionSetAndForAnyNumberOfThreads) {
  const Sample a(900, 1500);
  const Matrix<double> x = block(a.columns, 11, 5);
  const Matrix<double> left = block(900, 13, 6);
  const Matrix<double> right = block(a.columns, 13, 7);
  Context one(1);
  Matrix<double> first(900, 11);
  std::vector<double> sampled(a.values.size());
  multiply<double>(a.rows(), a.values, x.view(), first.view(), one);
  sampled_product(a.rows(), left.view(), right.view(), sampled, one);
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const int threads : {1, 2, 3}) {
      Context context(threads);
      Matrix<double> y(900, 11);
      std::vector<double> out(a.values.size());
      multiply<double>(a.rows(), a.values, x.view(), y.view(), context);
      sampled_product(a.rows(), left.view(), right.view(), out, context);
      EXPECT_EQ(y, first) << target << ' ' << threads;
      EXPECT_EQ(out, sampled) << target << ' ' << threads;
    }
  });
}

TEST(SparseKernels, EvaluateALowRankMatrixAtThePlaces) {
  const Sample a(40, 90);
  Context context(2);
  for (const std::int64_t rank : {0, 1, 7, 8, 9, 30}) {
    const Matrix<double> left = block(40, rank, 6);
    const Matrix<double> right = block(a.columns, rank, 7);
    std::vector<double> out(a.values.size(), NAN);
    sampled_product(a.rows(), left.view(), right.view(), out, context);
    for (std::int64_t i = 0; i < 40; ++i) {
      for (auto e = static_cast<std::size_t>(a.begin[static_cast<std::size_t>(i)]);
           e < static_cast<std::size_t>(a.begin[static_cast<std::size_t>(i) + 1]); ++e) {
        long double sum = 0, magnitude = 0;
        for (std::int64_t k = 0; k < rank; ++k) {
          const long double term = static_cast<long double>(left(i, k)) * right(a.column[e], k);
          sum += term;
          magnitude += std::fabs(term);
        }
        ASSERT_LE(std::fabs(out[e] - sum), tolerance::gamma(rank) * magnitude);
      }
    }
  }
}

TEST(SparseKernels, RefuseWhatDoesNotFit) {
  const Sample a(5, 9);
  Context context(1);
  const Matrix<double> x = block(9, 2, 5);
  Matrix<double> y(5, 3);
  EXPECT_THROW(multiply<double>(a.rows(), a.values, x.view(), y.view(), context), Error);
  std::vector<double> out(a.values.size() + 1);
  EXPECT_THROW(sampled_product(a.rows(), block(5, 2, 1).view(), x.view(), out, context), Error);
}

}  // namespace
}  // namespace sigmax::kernels
