// Each decomposition satisfies its equation; eigenvalues agree with closed forms.
#include "sigmax/linalg/nonsymmetric.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "gallery/spectra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "tolerance.hpp"

namespace sigmax::lapack {
namespace {

Matrix<double> random(std::int64_t n, std::uint64_t seed) {
  Matrix<double> a(n, n);
  std::ranges::copy(gallery::normal(n * n, seed), a.values().begin());
  return a;
}

double largest_difference(const Matrix<double>& a, const Matrix<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    const double difference = std::fabs(a.values()[i] - b.values()[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

TEST(Nonsymmetric, EigenvectorsSatisfyTheirEquation) {
  const SerialBlas serial;
  for (const std::int64_t n : {1, 2, 7, 20}) {
    const Matrix<double> a = random(n, 31 + static_cast<std::uint64_t>(n));
    const Eigen found = eigen(a);
    for (std::int64_t j = 0; j < n; ++j) {
      const std::complex<double> lambda = found.values[static_cast<std::size_t>(j)];
      const bool pair = lambda.imag() != 0;
      for (std::int64_t i = 0; i < n; ++i) {
        std::complex<double> image = 0;
        for (std::int64_t k = 0; k < n; ++k) {
          image += a(i, k) * std::complex<double>(found.vectors(k, j), pair ? found.vectors(k, j + 1) : 0.0);
        }
        const std::complex<double> entry(found.vectors(i, j), pair ? found.vectors(i, j + 1) : 0.0);
        EXPECT_LE(std::abs(image - lambda * entry), tolerance::of_matrix(n, n, 3 * std::sqrt(n), 16));
      }
      if (pair) ++j;
    }
    EXPECT_EQ(eigenvalues(a).size(), found.values.size());
  }
}

TEST(Nonsymmetric, TheSchurFormIsSimilarAndQuasiTriangular) {
  const SerialBlas serial;
  for (const std::int64_t n : {1, 2, 8, 21}) {
    const Matrix<double> a = random(n, 5 + static_cast<std::uint64_t>(n));
    const Schur s = schur(a);
    const double allowed = tolerance::of_matrix(n, n, 3 * std::sqrt(n), 16);
    const Matrix<double> qt = product(s.q, s.t);
    const Matrix<double> aq = product(a, s.q);
    EXPECT_LE(largest_difference(qt, aq), allowed);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = j + 2; i < n; ++i) EXPECT_EQ(s.t(i, j), 0.0);
    }
  }
}

TEST(Nonsymmetric, AnInverseIsMissingForASingularMatrix) {
  const SerialBlas serial;
  Matrix<double> a(3, 3);
  EXPECT_FALSE(inverse(a).has_value());
  a = random(9, 3);
  const std::optional<Matrix<double>> x = inverse(a);
  ASSERT_TRUE(x.has_value());
  const Matrix<double> one = product(a, *x);
  Matrix<double> identity(9, 9);
  for (int i = 0; i < 9; ++i) identity(i, i) = 1;
  const double kappa = blas::norm(a.values()) * blas::norm(x->values());
  EXPECT_LE(largest_difference(one, identity), tolerance::relative(9, 9, kappa));
}

TEST(Nonsymmetric, PencilsAndComplexMatricesHaveTheirKnownEigenvalues) {
  const SerialBlas serial;
  // The cyclic shift: eigenvalues are the roots of unity.
  constexpr std::int64_t kOrder = 6;
  Matrix<double> shift(kOrder, kOrder), identity(kOrder, kOrder);
  ComplexMatrix turned(kOrder, kOrder);
  const std::complex<double> turn = std::polar(1.0, 0.3);
  for (std::int64_t i = 0; i < kOrder; ++i) {
    shift((i + 1) % kOrder, i) = 1;
    identity(i, i) = 2;
    turned((i + 1) % kOrder, i) = turn;
  }
  for (const std::complex<double> mu : generalized_eigenvalues(shift, identity)) {
    EXPECT_LE(std::abs(std::pow(2.0 * mu, kOrder) - 1.0), tolerance::relative(kOrder, kOrder, kOrder, 16));
  }
  for (const std::complex<double> lambda : eigenvalues(turned)) {
    EXPECT_LE(std::abs(std::pow(lambda / turn, kOrder) - 1.0), tolerance::relative(kOrder, kOrder, kOrder, 16));
  }
  const SmallestTriplet least = smallest_triplet(turned);
  EXPECT_LE(std::fabs(least.sigma - 1), tolerance::of_triplets(kOrder, kOrder));
}

// Unitarily similar: the same norms of shifted matrices, and the eigenvalues on the diagonal.
TEST(Nonsymmetric, TheComplexTriangularFormHasTheSameShiftedNorms) {
  const SerialBlas serial;
  const std::int64_t n = 7;
  const Matrix<double> a = random(n, 3);
  for (const std::complex<double> z : {std::complex<double>(0.3, 1), std::complex<double>(-2, 0.5)}) {
    ComplexMatrix t = triangular_form(a), shifted(n, n);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < n; ++i) {
        shifted(i, j) = (i == j ? z : 0.0) - a(i, j);
        if (i > j) {
          EXPECT_EQ(t(i, j), 0.0);
        }
        t(i, j) = (i == j ? z : 0.0) - t(i, j);
      }
    }
    EXPECT_NEAR(smallest_triplet(t).sigma, smallest_triplet(shifted).sigma, tolerance::of_triplets(n, n, 64));
  }
}

TEST(Nonsymmetric, RefusesMatricesThatAreNotSquare) {
  EXPECT_THROW(eigen(Matrix<double>(2, 3)), Error);
  EXPECT_THROW(schur(Matrix<double>(3, 2)), Error);
  EXPECT_THROW(inverse(Matrix<double>(3, 2)), Error);
}

}  // namespace
}  // namespace sigmax::lapack
