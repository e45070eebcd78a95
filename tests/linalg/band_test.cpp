#include "sigmax/linalg/band.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

// A symmetric matrix with normal entries in the band.
Matrix<double> random_band(std::int64_t n, std::int64_t bandwidth, std::uint64_t seed) {
  Matrix<double> a(n, n);
  std::vector<double> entries(static_cast<std::size_t>(n * (bandwidth + 1)));
  static_cast<void>(fill_normal(random_state(seed), entries));
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t d = 0; d <= bandwidth && j + d < n; ++d) {
      a(j + d, j) = a(j, j + d) = entries[static_cast<std::size_t>(j * (bandwidth + 1) + d)];
    }
  }
  return a;
}

// Compares with LAPACK's eigenpairs of the same matrix in full storage, and checks the vector against its definition.
void expect_leading(const Matrix<double>& a, std::int64_t bandwidth, const std::string& what) {
  SCOPED_TRACE(what);
  const std::int64_t n = a.rows();
  const LeadingOfBand found = leading_of_band(a.view(), bandwidth);
  const SmallEigen expected = largest_of_symmetric(a, 2);
  double scale = 0;
  for (const double entry : a.values()) scale = std::max(scale, std::fabs(entry));
  const double allowed =
      16 * static_cast<double>(n * (2 * bandwidth + 1)) * std::numeric_limits<double>::epsilon() * scale;
  EXPECT_NEAR(found.value, expected.value[0], allowed);
  if (n > 1) {
    EXPECT_NEAR(found.next, expected.value[1], allowed);
  }
  double square = 0;
  double residual = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = -found.value * found.vector[static_cast<std::size_t>(i)];
    for (std::int64_t j = 0; j < n; ++j) sum += a(i, j) * found.vector[static_cast<std::size_t>(j)];
    residual += sum * sum;
    square += found.vector[static_cast<std::size_t>(i)] * found.vector[static_cast<std::size_t>(i)];
  }
  EXPECT_NEAR(square, 1, tolerance::relative_in<double>(n, n));
  EXPECT_LE(std::sqrt(residual), allowed);
}

// All rows of the vectors are checked by A V = V diag(values) and V^T V = I; fewer rows must be the last of those.
void expect_spectrum(const Matrix<double>& a, std::int64_t bandwidth, const std::string& what) {
  SCOPED_TRACE(what);
  const std::int64_t n = a.rows();
  const auto all = spectrum_of_band(a.view(), bandwidth, n);
  ASSERT_TRUE(all);
  double scale = 0;
  for (const double entry : a.values()) scale = std::max(scale, std::fabs(entry));
  const double unit = 16 * static_cast<double>(n * (2 * bandwidth + 1)) * std::numeric_limits<double>::epsilon();
  const SmallEigen expected = largest_of_symmetric(a, n);
  for (std::int64_t j = 0; j < n; ++j) {
    const double value = all->value[static_cast<std::size_t>(j)];
    EXPECT_NEAR(value, expected.value[static_cast<std::size_t>(j)], unit * scale);
    double residual = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = -value * all->tail(i, j);
      for (std::int64_t l = 0; l < n; ++l) sum += a(i, l) * all->tail(l, j);
      residual += sum * sum;
    }
    EXPECT_LE(std::sqrt(residual), unit * scale);
    for (std::int64_t other = 0; other <= j; ++other) {
      double product = 0;
      for (std::int64_t i = 0; i < n; ++i) product += all->tail(i, j) * all->tail(i, other);
      EXPECT_NEAR(product, j == other ? 1 : 0, unit);
    }
  }
  const std::int64_t rows = std::min<std::int64_t>(n, 2);
  const auto some = spectrum_of_band(a.view(), bandwidth, rows);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->value, all->value);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) EXPECT_EQ(some->tail(i, j), all->tail(n - rows + i, j));
  }
}

void expect_eigenpairs(const Matrix<double>& a, std::int64_t bandwidth, const std::string& what) {
  expect_leading(a, bandwidth, what);
  expect_spectrum(a, bandwidth, what);
}

TEST(Band, AgreesWithLapackOnRandomMatrices) {
  std::uint64_t seed = 1;
  for (const std::int64_t bandwidth : {1, 2, 3, 5, 8}) {
    for (const std::int64_t n : {1, 2, 3, 4, 7, 12, 30, 77, 160}) {
      for (int repeat = 0; repeat < 3; ++repeat) {
        const std::int64_t width = std::min(bandwidth, n - 1);
        expect_eigenpairs(random_band(n, width, seed++), width, "order " + std::to_string(n));
      }
    }
  }
}

TEST(Band, ScaleAndGradingDoNotMatter) {
  for (const double factor : {1e-120, 1e120}) {
    Matrix<double> a = random_band(25, 2, 5);
    for (double& entry : a.values()) entry *= factor;
    expect_eigenpairs(a, 2, "scaled");
  }
  Matrix<double> graded = random_band(40, 2, 6);
  for (std::int64_t j = 0; j < 40; ++j) {
    for (std::int64_t i = 0; i < 40; ++i) graded(i, j) *= std::pow(0.5, static_cast<double>(i + j));
  }
  expect_eigenpairs(graded, 2, "graded");
}

TEST(Band, RepeatedAndNeighboringValues) {
  Matrix<double> identity(9, 9);
  for (std::int64_t i = 0; i < 9; ++i) identity(i, i) = 3;
  expect_eigenpairs(identity, 2, "a multiple of the identity");
  expect_eigenpairs(Matrix<double>(6, 6), 2, "zero");
  Matrix<double> negative(5, 5);
  for (std::int64_t i = 0; i < 5; ++i) negative(i, i) = -1.0 - static_cast<double>(i);
  expect_eigenpairs(negative, 2, "all negative");
  for (const double distance : {1e-3, 1e-9, 1e-14}) {
    // Two copies of a path: each value occurs twice, up to the distance.
    Matrix<double> paths(20, 20);
    for (std::int64_t i = 0; i < 20; ++i) paths(i, i) = i % 2 == 0 ? distance : 0;
    for (std::int64_t i = 0; i + 2 < 20; ++i) paths(i + 2, i) = paths(i, i + 2) = 1;
    expect_eigenpairs(paths, 2, "equal except for a distance");
  }
}

}  // namespace
}  // namespace sigmax
