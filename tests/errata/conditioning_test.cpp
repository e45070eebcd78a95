// Groups 9 to 12 of docs/errata.md: condition numbers, regularization and perturbation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

#include "errata/errata.hpp"
#include "gallery/spectra.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"
#include "sigmax/sensitivity/condition.hpp"
#include "sigmax/sensitivity/linear_system.hpp"
#include "sigmax/sensitivity/perturbation.hpp"

namespace sigmax::errata {
namespace {

using Vector = std::vector<double>;

Enclosure kappa(const Matrix<double>& a, std::string_view ord) {
  Context context(1);
  return sensitivity::condition(tensor(a), norms::parse_norm(ord), {}, context).number;
}

TEST(Errata9, AConditionNumberIsNoEccentricity) {
  expect_contains(kappa(matrix({{10, 0}, {0, 1}}), "2"), 10);
  EXPECT_NEAR(std::sqrt(1 - 1.0 / 100), 0.995, tolerance::of_digits(3));  // that of the ellipse with these axes
}

TEST(Errata9, TheForwardBoundNeedsItsDenominator) {
  // A = 1, dA = -1/2, b = 1: the solution moves from 1 to 2.
  const double error = 1;
  EXPECT_GT(error, 1 * 0.5);  // kappa times the relative change
  const sensitivity::ForwardError bound = sensitivity::forward_error(bounds::exactly(1), 0.5, 0);
  EXPECT_GE(bound.over_solution.upper->value(), error);
  EXPECT_NEAR(bound.over_solution.upper->value(), 1, kOutward);
  // Relative to the computed solution, no denominator is needed: 1/2.
  EXPECT_NEAR(bound.over_computed.upper->value(), 0.5, kOutward);
}

TEST(Errata10, AConditionNumberOfOneMeansUnitaryInTheTwoNormOnly) {
  const double c = std::sqrt(0.5);
  const Matrix<double> rotation = matrix({{c, -c}, {c, c}});
  expect_contains(kappa(rotation, "2"), 1);
  expect_contains(kappa(rotation, "1"), 2);
  for (const std::int64_t n : {2, 5}) expect_contains(kappa(identity(n), "fro"), static_cast<double>(n));
}

TEST(Errata10, ConditionNumbersOfRectangularMatricesDoNotMultiply) {
  const Matrix<double> a = matrix({{1, 0, 0}, {0, 1, 0}});
  const Matrix<double> b = matrix({{1, 0}, {0, 0.01}, {0, std::sqrt(1 - 1e-4)}});
  expect_contains(kappa(a, "2"), 1);
  expect_contains(kappa(b, "2"), 1);
  expect_contains(kappa(times(a, b), "2"), 100);
}

TEST(Errata10, TheDistanceToSingularityInTheFrobeniusNormIsTheSmallestValue) {
  Context context(1);
  const Matrix<double> a = matrix({{2, 0}, {0, 1}});
  const sensitivity::Condition found = sensitivity::condition(tensor(a), norms::parse_norm("fro"), {}, context);
  expect_contains(found.distance, 1);
  EXPECT_LT(norm(a, "fro") / found.number.lower.value(), 0.9);  // |A|_F / kappa_F = 0.894
}

TEST(Errata11, ARidgeMayRuinAnIndefiniteMatrix) {
  const Vector eigenvalues{1, -1};
  const Enclosure after = sensitivity::ridge_condition_of_symmetric(eigenvalues, 0, 1.2);
  EXPECT_NEAR(after.lower.value(), 11, near(1e3));
  expect_contains(kappa(matrix({{1 + 1.2, 0}, {0, -1 + 1.2}}), "2"), (1 + 1.2) / (1.2 - 1));
  EXPECT_LT((1 + 1.2) / 1.2, 1.84);  // the formula for a semidefinite matrix
}

// For A = 10 I, |A g| / |A^-1 g| = 10 |g| / (|g| / 10) = 100.
TEST(Errata11, TheQuotientOfAProductAndASolveIsNotTheConditionNumber) {
  const Matrix<double> a = matrix({{10, 0, 0}, {0, 10, 0}, {0, 0, 10}});
  expect_contains(kappa(a, "2"), 1);
  const Vector g = gallery::normal(3, 1);
  double product = 0, solved = 0;
  for (const double value : g) {
    product += 100 * value * value;
    solved += value * value / 100;
  }
  EXPECT_NEAR(std::sqrt(product / solved), 100, near(100));
  // The product of the two estimates |A|_F |A^-1|_F, which is n for this matrix, on the average of |g|^2 = n.
  expect_contains(kappa(a, "fro"), 3);
}

// max |A x| over x orthogonal to a space of dimension i - 1 is at least sigma_i; a space of dimension i reaches
// further.
TEST(Errata12, CourantAndFischerTakeASpaceOfOneDimensionLess) {
  const Matrix<double> a = matrix({{3, 0, 0}, {0, 2, 0}, {0, 0, 1}});
  Matrix<double> without_first = a;
  without_first(0, 0) = 0;                            // x orthogonal to e_1, a space of dimension 1
  EXPECT_NEAR(norm(without_first, "2"), 2, near(3));  // sigma_2, where the formula with dim U = 1 claims sigma_1 = 3
}

// The bound by |E|_F is Mirsky's theorem for one norm; it holds for every unitarily invariant one.
TEST(Errata12, MirskysTheoremIsOneForEveryInvariantNorm) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Matrix<double> a = matrix(gallery::normal(20, seed), 5, 4);
    const Matrix<double> e = matrix(gallery::normal(20, seed + 50), 5, 4);
    const std::vector<long double> before = dense_support::reference_values(a);
    const std::vector<long double> after = dense_support::reference_values(plus(a, 1, e));
    Matrix<double> moved(4, 4);
    for (std::int64_t i = 0; i < 4; ++i) {
      moved(i, i) = static_cast<double>(after[static_cast<std::size_t>(i)] - before[static_cast<std::size_t>(i)]);
    }
    for (const char* ord : {"2", "fro", "nuc", "kyfan:2", "schatten:3"}) {
      EXPECT_LE(norm(moved, ord), norm(e, ord) + near(20));
    }
  }
}

std::vector<double> real_eigenvalues(const Matrix<double>& a) {
  const SerialBlas serial;
  std::vector<double> values;
  for (const std::complex<double>& value : lapack::eigenvalues(a)) values.push_back(value.real());
  std::ranges::sort(values);
  return values;
}

// A has the eigenvalues -2 and 2, A + E has -1 twice: the second moved by 3, and |E| = sqrt 5.
TEST(Errata12, EigenvaluesArePairedByOrderForSymmetricChangesOnly) {
  const Matrix<double> a = matrix({{0, 2}, {2, 0}}), e = matrix({{-1, -2}, {2, -1}});
  EXPECT_NEAR(norm(e, "2"), std::sqrt(5.0), near(3));
  const double allowed = std::sqrt(tolerance::relative(2, 2, 64));  // a double eigenvalue, not semisimple
  EXPECT_NEAR(real_eigenvalues(a)[1], 2, near(2));
  EXPECT_NEAR(real_eigenvalues(plus(a, 1, e))[1], -1, allowed);
  // Bauer and Fike's nearest eigenvalue is within |E|: one-sided, and true for any E.
  Context context(1);
  const Enclosure distance = sensitivity::eigenvalue_distance(bounds::eigenvalue_disks(a, context),
                                                              sensitivity::change_of_at_most(std::sqrt(5.0)));
  EXPECT_GE(distance.upper->value() + allowed, 1);
}

// The eigenvalues of [[1, 1], [0, 2]] are simple, so P is unique up to the scale of its columns; its condition number
// is not, and neither is a bound that contains it.
TEST(Errata12, TheScaleOfTheColumnsIsPartOfTheBauerFikeBound) {
  for (const double scale : {1.0, 100.0}) {
    const Matrix<double> p = matrix({{1, scale}, {0, scale}});
    // A P = P diag(1, 2)
    const Matrix<double> left = times(matrix({{1, 1}, {0, 2}}), p), right = times(p, matrix({{1, 0}, {0, 2}}));
    EXPECT_EQ(norm(plus(left, -1, right), "max"), 0);
    if (scale == 1) {
      EXPECT_LT(kappa(p, "2").upper->value(), 3);
    } else {
      EXPECT_GT(kappa(p, "2").lower.value(), 100);
    }
  }
}

// A = 0.1, b = 1, xhat = 11: the residual is 0.1, the error 1, and kappa = 1.
TEST(Errata12, ForwardAndBackwardErrorsAreRelative) {
  const double a = 0.1, b = 1, solution = 10, found = 11;
  const double residual = std::fabs(b - a * found), error = std::fabs(found - solution);
  EXPECT_GT(error, 5 * residual);                             // of the sizes that are stated
  EXPECT_LE(error / solution, residual / b * (1 + near(1)));  // relative to the solution and to b
  const Vector x{found}, right{b};
  Context context(1);
  const bounds::BackwardErrors backward =
      sensitivity::backward_errors(tensor(matrix({{a}})), x, right, repeatable<CertifyOptions>(), context);
  // The least change of A and b alike: 0.1 / (0.1 11 + 1). A change of b alone needs 0.1.
  EXPECT_NEAR(backward.normwise.lower.value(), residual / (a * found + b), kOutward);
  const sensitivity::ForwardError bound = sensitivity::forward_error(
      bounds::exactly(1), backward.normwise.upper->value(), backward.normwise.upper->value());
  EXPECT_GE(bound.over_solution.upper->value(), error / solution);
}

TEST(Errata12, AJordanBlockHasNoBauerFikeBound) {
  Context context(1);
  Matrix<double> jordan(10, 10);
  for (std::int64_t i = 0; i + 1 < 10; ++i) jordan(i, i + 1) = 1;
  EXPECT_FALSE(bounds::eigenvalue_disks(jordan, context).condition.upper.has_value());
  jordan(9, 0) = 1e-10;
  const SerialBlas serial;
  for (const std::complex<double>& value : lapack::eigenvalues(jordan)) {
    // lambda^10 = 1e-10; eigenvalues with a condition number of 0.1 / 1e-10 / 10.
    EXPECT_NEAR(std::abs(value), 0.1, tolerance::relative(10, 10, 1e8));
  }
}

// Gaussian elimination with partial pivoting, as LAPACK does it: the last column of Wilkinson's matrix doubles in every
// step.
TEST(Errata12, GaussianEliminationIsNotBackwardStableForEveryMatrix) {
  const std::int64_t n = 60;
  Matrix<double> a = identity(n);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j + 1; i < n; ++i) a(i, j) = -1;
    a(j, n - 1) = 1;
  }
  const Enclosure known = kappa(a, "2");
  EXPECT_NEAR(known.lower.value(), 26.8, 0.05);
  const Vector b = gallery::normal(n, 1);
  const SerialBlas serial;
  Matrix<double> lu = a;
  Vector x = b;
  // No row is ever exchanged, because the pivots are all 1 in size and the first is taken.
  for (std::int64_t k = 0; k < n; ++k) {
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double factor = lu(i, k) / lu(k, k);
      for (std::int64_t j = k; j < n; ++j) lu(i, j) -= factor * lu(k, j);
      x[static_cast<std::size_t>(i)] -= factor * x[static_cast<std::size_t>(k)];
    }
  }
  EXPECT_EQ(lu(n - 1, n - 1), std::exp2(n - 1));
  for (std::int64_t i = n; i-- > 0;) {
    for (std::int64_t j = i + 1; j < n; ++j)
      x[static_cast<std::size_t>(i)] -= lu(i, j) * x[static_cast<std::size_t>(j)];
    x[static_cast<std::size_t>(i)] /= lu(i, i);
  }
  Context context(1);
  const CertifyOptions options = repeatable<CertifyOptions>();
  const bounds::BackwardErrors unstable = sensitivity::backward_errors(tensor(a), x, b, options, context);
  EXPECT_GE(unstable.normwise.lower.value(), 1e-4);
  // By the SVD: at most a few units of rounding.
  Matrix<double> copy = a;
  const lapack::Svd svd = lapack::decompose(copy.view(), 0, n).wanted;
  Matrix<double> right(n, 1);
  std::ranges::copy(b, right.values().begin());
  Matrix<double> c = lapack::product(svd.u, right, true);
  for (std::size_t i = 0; i < svd.sigma.size(); ++i) c.values()[i] /= svd.sigma[i];
  const Matrix<double> y = lapack::product(svd.v, c);
  const bounds::BackwardErrors stable =
      sensitivity::backward_errors(tensor(a), Vector(y.values().begin(), y.values().end()), b, options, context);
  EXPECT_LE(stable.normwise.upper->value(), tolerance::of_triplets(n, n, 16));
}

}  // namespace
}  // namespace sigmax::errata
