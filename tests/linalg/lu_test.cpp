// LU factorization in tiles: P A = L U within its bound for every shape around the tiles, and the inverse of A^T.
#include "sigmax/linalg/lu.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/rng.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

Matrix<double> gaussian(std::int64_t n, std::uint64_t seed) {
  Matrix<double> a(n, n);
  static_cast<void>(fill_normal(random_state(seed), a.values()));
  return a;
}

// max_ij |(P A - L U)_ij| / (|L| |U|)_ij in long double, over some rows, and every entry of L at most 1.
void expect_factors(const Matrix<double>& a, const Lu& found) {
  const std::int64_t n = a.rows();
  const std::set<std::int64_t> rows(found.rows.begin(), found.rows.end());
  ASSERT_EQ(static_cast<std::int64_t>(rows.size()), n);
  ASSERT_EQ(*rows.begin(), 0);
  ASSERT_EQ(*rows.rbegin(), n - 1);
  for (std::int64_t i = 0; i < n; i += std::max<std::int64_t>(1, n / 37)) {
    for (std::int64_t j = 0; j < n; ++j) {
      long double sum = 0;
      long double size = 0;
      for (std::int64_t k = 0; k <= std::min(i, j); ++k) {
        const long double l = k == i ? 1.0L : static_cast<long double>(found.factors(i, k));
        const long double term = l * found.factors(k, j);
        sum += term;
        size += std::fabs(term);
        EXPECT_LE(std::fabs(l), 1);
      }
      const long double error = std::fabs(sum - a(found.rows[static_cast<std::size_t>(i)], j));
      ASSERT_LE(error, tolerance::gamma(n + 2) * size) << n << ": " << i << ", " << j;
    }
  }
}

TEST(Lu, FactorsMatricesOfEveryOrderAroundItsTiles) {
  Context context(2);
  for (const std::int64_t n : {1, 2, 7, 8, 9, 47, 95, 96, 97, 191, 193, 288, 289, 401}) {
    const Matrix<double> a = gaussian(n, static_cast<std::uint64_t>(n));
    const std::optional<Lu> found = lu(a, context);
    ASSERT_TRUE(found) << n;
    expect_factors(a, *found);
  }
}

TEST(Lu, ExchangesRowsWhereAPivotIsZero) {
  Context context(2);
  const std::int64_t n = 220;
  Matrix<double> a(n, n);  // a cyclic shift: no pivot is where it is looked for first
  for (std::int64_t i = 0; i < n; ++i) a((i + 1) % n, i) = 1 + static_cast<double>(i);
  const std::optional<Lu> found = lu(a, context);
  ASSERT_TRUE(found);
  expect_factors(a, *found);
}

TEST(Lu, GivesTheSameBitsForAnyNumberOfThreads) {
  const Matrix<double> a = gaussian(450, 5);
  Context one(1);
  const std::optional<Lu> wanted = lu(a, one);
  ASSERT_TRUE(wanted);
  const Matrix<double> inverse = adjoint_inverse(*wanted, one);
  for (const int threads : {2, 3}) {
    Context context(threads);
    const std::optional<Lu> found = lu(a, context);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->rows, wanted->rows);
    EXPECT_TRUE(std::ranges::equal(found->factors.values(), wanted->factors.values()));
    EXPECT_TRUE(std::ranges::equal(adjoint_inverse(*found, context).values(), inverse.values()));
  }
}

TEST(Lu, StopsAtAPivotThatIsZeroOrNotFinite) {
  Context context(1);
  Matrix<double> zero_column = gaussian(120, 3);
  std::ranges::fill(zero_column.column(100), 0.0);
  EXPECT_FALSE(lu(zero_column, context));
  Matrix<double> infinite = gaussian(5, 3);
  std::ranges::fill(infinite.column(4), std::numeric_limits<double>::infinity());
  EXPECT_FALSE(lu(infinite, context));
  EXPECT_THROW(static_cast<void>(lu(Matrix<double>(2, 3), context)), Error);
}

// |A^T X - I| <= (3 gamma + gamma^2) |U|^T |L|^T |W| entrywise: its largest row sum and column sum are those that
// size_of_solution() names, and no entry of the sums in long double exceeds them.
TEST(Lu, InvertsTheAdjointWithinTheBoundThatItsSizesGive) {
  Context context(2);
  for (const std::int64_t n : {1, 5, 96, 193, 300}) {
    const Matrix<double> a = gaussian(n, 40 + static_cast<std::uint64_t>(n));
    const std::optional<Lu> found = lu(a, context);
    ASSERT_TRUE(found);
    const Matrix<double> x = adjoint_inverse(*found, context);
    const SizeOfSolution size = size_of_solution(*found, x, context);
    std::vector<long double> rows(static_cast<std::size_t>(n)), columns(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        long double sum = i == j ? -1 : 0;
        for (std::int64_t k = 0; k < n; ++k) sum += static_cast<long double>(a(k, i)) * x(k, j);
        rows[static_cast<std::size_t>(i)] += std::fabs(sum);
        columns[static_cast<std::size_t>(j)] += std::fabs(sum);
      }
    }
    const double unit = 4 * tolerance::gamma(n + 2);
    EXPECT_LE(*std::max_element(rows.begin(), rows.end()), unit * size.row_sum) << n;
    EXPECT_LE(*std::max_element(columns.begin(), columns.end()), unit * size.column_sum) << n;
  }
}

// For a triangular matrix P, L and U are known: the sizes are those of |U|^T |W|, W = U^-T.
TEST(Lu, HasTheSizesOfASolutionInClosedForm) {
  Context context(1);
  Matrix<double> a(2, 2);
  a(0, 0) = 2;
  a(0, 1) = 3;
  a(1, 1) = 4;
  const std::optional<Lu> found = lu(a, context);
  ASSERT_TRUE(found);
  const SizeOfSolution size = size_of_solution(*found, adjoint_inverse(*found, context), context);
  // U^-T = [[1/2, 0], [-3/8, 1/4]], |U|^T |U^-T| = [[1, 0], [3, 1]].
  EXPECT_EQ(size.row_sum, 4);
  EXPECT_EQ(size.column_sum, 4);
}

}  // namespace
}  // namespace sigmax
