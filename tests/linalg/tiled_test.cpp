// Products, solves and inverses in tiles: against sums in extended precision, with sizes on both sides of a tile.
#include "sigmax/linalg/tiled.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/block_cholesky.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

Matrix<double> random_matrix(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Matrix<double> a(rows, columns);
  static_cast<void>(fill_uniform(random_state(seed), a.values()));
  return a;
}

// Entries between 0 and 1: no cancellation, so that gamma of the length is relative.
long double entry(const Matrix<double>& a, const Matrix<double>& b, std::int64_t i, std::int64_t j) {
  long double sum = 0;
  for (std::int64_t k = 0; k < a.columns(); ++k) sum += static_cast<long double>(a(i, k)) * b(j, k);
  return sum;
}

TEST(Tiled, MultipliesByATransposedFactor) {
  const SerialBlas serial;
  Context context(2);
  for (const auto& [m, n, k] : {std::tuple{3, 5, 7}, {257, 300, 20}, {512, 1, 9}}) {
    const Matrix<double> a = random_matrix(m, k, 1), b = random_matrix(n, k, 2);
    Matrix<double> c(m, n);
    for (double& value : c.values()) value = 1;
    tiled::multiply_transposed(2, a, b, 3, c, context);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < m; ++i) {
        const long double truth = 2 * entry(a, b, i, j) + 3;
        ASSERT_NEAR(c(i, j), static_cast<double>(truth), static_cast<double>(tolerance::gamma(k + 4) * truth));
      }
    }
  }
}

TEST(Tiled, AddsTheLowerTriangleOfSymmetricProducts) {
  const SerialBlas serial;
  Context context(2);
  for (const std::int64_t n : {4, 256, 300}) {
    const Matrix<double> a = random_matrix(n, 11, 3);
    Matrix<double> square(n, n), symmetric(n, n);
    tiled::add_square(1, a, 0, square, context);
    tiled::mirror_lower(square, context);
    tiled::add_symmetric(1, a, a, 0, symmetric, context);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < n; ++i) {
        const long double truth = entry(a, a, i, j);
        const auto allowed = static_cast<double>(tolerance::gamma(13) * truth);
        ASSERT_NEAR(square(i, j), static_cast<double>(truth), allowed);
        if (i >= j) {
          ASSERT_NEAR(symmetric(i, j), static_cast<double>(truth), allowed);
        }
      }
    }
  }
}

// A triangle with a dominant diagonal.
Matrix<double> lower(std::int64_t n, std::uint64_t seed) {
  Matrix<double> l = random_matrix(n, n, seed);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) l(i, j) = i < j ? 7.0 : l(i, j) / static_cast<double>(n);
    l(j, j) += 1;
  }
  return l;
}

// L x for the lower triangle.
double product_entry(const Matrix<double>& l, const Matrix<double>& x, std::int64_t i, std::int64_t j,
                     bool transposed) {
  double sum = 0;
  for (std::int64_t k = transposed ? i : 0; k < (transposed ? l.rows() : i + 1); ++k) {
    sum += (transposed ? l(k, i) : l(i, k)) * x(k, j);
  }
  return sum;
}

TEST(Tiled, SolvesWithTheTriangleFromBothSides) {
  const SerialBlas serial;
  Context context(2);
  for (const std::int64_t n : {5, 300}) {
    const Matrix<double> l = lower(n, 4);
    const Matrix<double> b = random_matrix(n, 270, 5);
    // The triangle's condition is below 10: entries of at most 2, solutions of at most 4.
    const double allowed = tolerance::relative(n, n, 10);
    Matrix<double> x = b, y = b, z(270, n);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < 270; ++i) z(i, j) = b(j, i);
    }
    tiled::solve_from_left(l, x, context);
    tiled::solve_transposed_from_left(l, y, context);
    tiled::solve_from_right(l, z, context);
    for (std::int64_t j = 0; j < 270; ++j) {
      for (std::int64_t i = 0; i < n; ++i) {
        ASSERT_NEAR(product_entry(l, x, i, j, false), b(i, j), allowed);
        ASSERT_NEAR(product_entry(l, y, i, j, true), b(i, j), allowed);
        ASSERT_NEAR(z(j, i), x(i, j), allowed);
      }
    }
  }
}

TEST(Tiled, InvertsTheSquareOfATriangle) {
  const SerialBlas serial;
  Context context(2);
  for (const std::int64_t n : {1, 6, 300}) {
    const Matrix<double> l = lower(n, 6);
    const Matrix<double> inverse = tiled::inverse_of_square(l, context);
    Matrix<double> image = inverse;
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < n; ++i) {
        image(i, j) = product_entry(l, inverse, i, j, true);
        ASSERT_EQ(inverse(i, j), inverse(j, i));
      }
    }
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < n; ++i) {
        ASSERT_NEAR(product_entry(l, image, i, j, false), i == j ? 1 : 0, tolerance::relative(n, n, 100));
      }
    }
  }
}

// A matrix of blocks, and the same one dense.
TEST(BlockCholesky, IsTheDenseFactor) {
  const SerialBlas serial;
  Context context(2);
  for (const bool scalar : {false, true}) {
    BlockMatrix a = block_matrix({3, 4, 2, 5});
    a.first_is_scalar = scalar;
    a.first = 4;
    Matrix<double> dense(14, 14);
    const std::vector<std::int64_t> first{0, 3, 7, 9};
    for (const auto& [i, k] :
         std::vector<std::pair<std::size_t, std::size_t>>{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {1, 0}, {3, 0}, {2, 1}}) {
      Matrix<double> block = random_matrix(a.sizes[i], a.sizes[k], 10 * i + k);
      for (double& value : block.values()) value = i == k ? 0 : 0.3 * value;
      for (std::int64_t j = 0; i == k && j < a.sizes[i]; ++j) block(j, j) = 4;
      for (std::int64_t c = 0; c < a.sizes[k]; ++c) {
        for (std::int64_t r = 0; r < a.sizes[i]; ++r) dense(first[i] + r, first[k] + c) = block(r, c);
      }
      if (!scalar || i > 0) a.lower[i][k] = std::move(block);
    }
    a.fill_in();
    EXPECT_TRUE(a.has(3, 1) && a.has(3, 2));
    EXPECT_FALSE(a.has(2, 0));
    ASSERT_TRUE(cholesky(a, context));
    ASSERT_TRUE(cholesky(dense.values().data(), 14, context));
    for (std::size_t i = scalar ? 1 : 0; i < 4; ++i) {
      for (std::size_t k = 0; k <= i; ++k) {
        for (std::int64_t c = 0; a.has(i, k) && c < a.sizes[k]; ++c) {
          for (std::int64_t r = i == k ? c : 0; r < a.sizes[i]; ++r) {
            EXPECT_NEAR(a.lower[i][k](r, c), dense(first[i] + r, first[k] + c), tolerance::relative(14, 14, 4));
          }
        }
      }
    }
    // Rows Y with Y L^-T.
    std::vector<Matrix<double>> rows(4);
    rows[1] = random_matrix(2, 4, 50);
    const std::vector<Matrix<double>> solved = solve_rows(a, rows, 2, context);
    Matrix<double> y(2, 14);
    for (std::int64_t c = 0; c < 4; ++c) {
      for (std::int64_t r = 0; r < 2; ++r) y(r, 3 + c) = rows[1](r, c);
    }
    tiled::solve_from_right(dense, y, context);
    EXPECT_TRUE(solved[0].empty());
    for (std::size_t k = 1; k < 4; ++k) {
      for (std::int64_t c = 0; c < a.sizes[k]; ++c) {
        for (std::int64_t r = 0; r < 2; ++r) {
          EXPECT_NEAR(solved[k](r, c), y(r, first[k] + c), tolerance::relative(14, 14, 4));
        }
      }
    }
  }
}

TEST(BlockCholesky, RefusesWhatIsNotPositiveDefinite) {
  const SerialBlas serial;
  Context context(1);
  BlockMatrix a = block_matrix({1, 1});
  a.first_is_scalar = true;
  a.first = 1;
  a.lower[1][0] = Matrix<double>(1, 1);
  a.lower[1][1] = Matrix<double>(1, 1);
  a.lower[1][0](0, 0) = 2;
  a.lower[1][1](0, 0) = 3;
  EXPECT_FALSE(cholesky(a, context));
  a.first = -1;
  EXPECT_FALSE(cholesky(a, context));
}

}  // namespace
}  // namespace sigmax
