// Bounds of what a change does, against decompositions of the changed matrix.
#include "sigmax/sensitivity/perturbation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"
#include "sigmax/ops/dense.hpp"
#include "support/dense.hpp"
#include "tolerance.hpp"

namespace sigmax::sensitivity {
namespace {

using dense_support::matrix;
using dense_support::tensor;

// A change of the given kind and size, as exact doubles.
enum class Kind { random, rank_one, along_triplet };

Matrix<double> change(Kind kind, const Matrix<double>& a, double size, std::uint64_t seed) {
  const std::int64_t m = a.rows();
  const std::int64_t n = a.columns();
  Matrix<double> e(m, n);
  std::vector<double> x = gallery::normal(m * n, seed);
  if (kind == Kind::random) {
    std::ranges::copy(x, e.values().begin());
  } else if (kind == Kind::rank_one) {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j)
        e(i, j) = x[static_cast<std::size_t>(i)] * x[static_cast<std::size_t>(m + j)];
    }
  } else {
    const SerialBlas serial;
    Matrix<double> copy = a;
    const lapack::Svd svd = lapack::decompose(copy.view(), 0, std::min(m, n)).wanted;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) e(i, j) = svd.u(i, 1) * svd.v(j, 1) - svd.u(i, 0) * svd.v(j, 0);
    }
  }
  double largest = 0;
  for (const double value : e.values()) largest = std::max(largest, std::fabs(value));
  for (double& value : e.values()) value *= size / largest;
  return e;
}

std::vector<long double> values_of_sum(const Matrix<double>& a, const Matrix<double>& e) {
  std::vector<long double> sum;
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.columns(); ++j) sum.push_back(static_cast<long double>(a(i, j)) + e(i, j));
  }
  return gallery::reference_singular_values(sum, static_cast<std::size_t>(a.rows()),
                                            static_cast<std::size_t>(a.columns()));
}

TEST(PerturbedValues, ContainTheValuesOfTheChangedMatrix) {
  Context context(2);
  for (const std::string name : {"flat", "clustered_top", "power_law", "rank_one", "huge_300", "tiny_300"}) {
    for (const auto& [m, n] : {std::pair<std::int64_t, std::int64_t>{9, 6}, {5, 8}}) {
      const std::int64_t k = std::min(m, n);
      const std::vector<double> sigma = gallery::spectrum(name).values(k);
      const Matrix<double> a = matrix(gallery::with_singular_values(m, n, sigma), m, n);
      for (const Kind kind : {Kind::random, Kind::rank_one, Kind::along_triplet}) {
        for (const double relative : {1e-8, 0.1}) {
          const Matrix<double> e = change(kind, a, relative * sigma.front(), 7);
          const std::vector<long double> truth = values_of_sum(a, e);
          const std::vector<Enclosure> found = perturbed_values<double>(
              *dense<double>(tensor(a)), *dense<double>(tensor(e)), k, repeatable<CertifyOptions>(), context);
          ASSERT_EQ(found.size(), truth.size());
          const long double slack = 64 * std::numeric_limits<long double>::epsilon() * truth.front();
          for (std::size_t i = 0; i < truth.size(); ++i) {
            EXPECT_LE(found[i].lower.value(), truth[i] + slack) << name << ' ' << i;
            ASSERT_TRUE(found[i].upper.has_value()) << name;
            EXPECT_GE(found[i].upper->value(), truth[i] - slack) << name << ' ' << i;
          }
        }
      }
    }
  }
}

TEST(PerturbedValues, RefuseWhatSaysNothing) {
  Context context(1);
  EXPECT_THROW(perturbed_values({}, change_of_at_most(1)), Error);
  EXPECT_THROW(change_of_at_most(-1), Error);
  EXPECT_THROW(change_of_at_most(std::nan("")), Error);
  EXPECT_THROW(change_of_at_most(std::numeric_limits<double>::infinity()), Error);
  const Operator<double> a = dense<double>(tensor({{1, 2}, {3, 4}}));
  const Operator<double> e = dense<double>(tensor({{1, 2, 3}}));
  EXPECT_THROW(perturbed_values<double>(*a, *e, 1, {}, context), Error);
}

TEST(ChangeSize, BoundsEachNormByTheOther) {
  const ChangeSize two = change_of_at_most(3, std::numeric_limits<double>::infinity(), 4);
  EXPECT_NEAR(two.frobenius.upper->value(), 6, 6 * tolerance::kOutward);
  const ChangeSize all = change_of_at_most(std::numeric_limits<double>::infinity(), 2);
  EXPECT_EQ(all.spectral.upper->value(), 2);
  EXPECT_FALSE(change_of_at_most(3).frobenius.upper.has_value());
  Context context(1);
  const ChangeSize given = size_of(*dense<double>(tensor({{3, 0}, {0, 4}})), repeatable<CertifyOptions>(), context);
  EXPECT_NEAR(given.spectral.upper->value(), 4, 4 * std::sqrt(tolerance::relative(2, 2, 1, 64)));
  EXPECT_GE(given.spectral.upper->value(), 4);
  EXPECT_NEAR(given.frobenius.upper->value(), 5, 5 * tolerance::kOutward);
}

// sqrt(k - |X^T Y|_F^2) from the complement, which has no cancellation: |(I - X X^T) Y|.
struct Sines {
  double largest = 0;
  double total_squared = 0;
};
Sines sines_between(const Matrix<double>& x, const Matrix<double>& y, std::int64_t k) {
  Matrix<double> first(x.rows(), k), second(y.rows(), k);
  for (std::int64_t j = 0; j < k; ++j) {
    std::ranges::copy(x.column(j), first.column(j).begin());
    std::ranges::copy(y.column(j), second.column(j).begin());
  }
  const Matrix<double> projected = lapack::product(first, lapack::product(first, second, true));
  for (std::size_t i = 0; i < second.values().size(); ++i) second.values()[i] -= projected.values()[i];
  Sines s;
  const std::vector<double> sigma = lapack::singular_values(second.view());
  s.largest = sigma.front();
  for (const double value : sigma) s.total_squared += value * value;
  return s;
}

TEST(Angles, OfLeadingSubspacesAreWithinEveryBound) {
  Context context(2);
  const SerialBlas serial;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const std::int64_t m = 8, n = 6, k = 1 + static_cast<std::int64_t>(seed % 4);
    const std::vector<double> sigma{4, 3.5, 3, 2, 1, 0.5};
    const Matrix<double> a = matrix(gallery::with_singular_values(m, n, sigma, seed), m, n);
    const double size = seed % 3 == 0 ? 0.2 : 0.02;
    const Matrix<double> e = change(seed % 2 == 0 ? Kind::random : Kind::rank_one, a, size, seed);
    Matrix<double> b = a;
    for (std::size_t i = 0; i < b.values().size(); ++i) b.values()[i] += e.values()[i];
    const ChangeSize how_large = size_of(*dense<double>(tensor(e)), repeatable<CertifyOptions>(), context);
    const auto known = [&](const Matrix<double>& of) {
      SvdOptions<double> options = repeatable<SvdOptions<double>>();
      options.k = n;
      return certified_svd(*dense<double>(tensor(of)), options, repeatable<CertifyOptions>(), context).sigma;
    };
    const std::vector<Enclosure> of_a = known(a);
    Matrix<double> copy = a;
    const lapack::Svd before = lapack::decompose(copy.view(), 0, n).wanted;
    copy = b;
    const lapack::Svd after = lapack::decompose(copy.view(), 0, n).wanted;
    const Sines left = sines_between(before.u, after.u, k);
    const Sines right = sines_between(before.v, after.v, k);
    const double slack = tolerance::relative(m, n, sigma.front() / 0.5, 16);
    const auto check = [&](const SubspaceAngles& bound) {
      EXPECT_LE(left.largest, bound.largest.upper->value() + slack);
      EXPECT_LE(right.largest, bound.largest.upper->value() + slack);
      EXPECT_LE(std::sqrt(left.total_squared + right.total_squared), bound.total.upper->value() + slack);
      EXPECT_EQ(bound.largest.lower.value(), 0);
      EXPECT_TRUE(bound.total.is_proven());
      EXPECT_LE(bound.largest.upper->value(), 1);
      EXPECT_LE(bound.total.upper->value(), std::sqrt(2.0 * static_cast<double>(k)) * (1 + tolerance::kOutward));
    };
    check(wedin(of_a, known(b), how_large, k));
    check(wedin(of_a, perturbed_values(of_a, how_large), how_large, k));
    check(yu_wang_samworth(of_a, how_large, k));
  }
}

TEST(Angles, OfAPlaneRotationAgreeWithTheClosedForm) {
  Context context(1);
  const Matrix<double> a = matrix({{2, 0}, {0, 1}});
  const Matrix<double> b = matrix({{2, 0.1}, {0.1, 1}});
  const bounds::SymmetricEigenvalues of_a = bounds::symmetric_eigenvalues(a, context);
  const bounds::SymmetricEigenvalues of_b = bounds::symmetric_eigenvalues(b, context);
  const SubspaceAngles found = davis_kahan(of_a, of_b, change_of_at_most(0.1, 0.1 * std::sqrt(2.0)), 1);
  // Golden values, from mpmath: the sine .0985376180, Davis and Kahan's bound .0990195.
  EXPECT_NEAR(found.largest.upper->value(), 0.0990195, tolerance::of_digits(7));
  EXPECT_GE(found.largest.upper->value(), 0.0985376180);
  const SerialBlas serial;
  EXPECT_NEAR(sines_between(of_a.vectors, of_b.vectors, 1).largest, 0.0985376180, tolerance::of_digits(10));
  const SubspaceAngles alone = davis_kahan(of_a, change_of_at_most(0.1, 0.1 * std::sqrt(2.0)), 1);
  EXPECT_NEAR(alone.largest.upper->value(), 0.1 / 0.9, tolerance::kOutward);
  EXPECT_THROW(davis_kahan(of_a, change_of_at_most(0.1), 2), Error);
}

TEST(Angles, OfEigenspacesAreWithinTheBound) {
  Context context(1);
  const SerialBlas serial;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const std::int64_t n = 7, k = 1 + static_cast<std::int64_t>(seed % 5);
    const std::vector<double> raw = gallery::normal(2 * n * n, seed);
    Matrix<double> a(n, n), e(n, n);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        a(i, j) = a(j, i) = raw[static_cast<std::size_t>(i * n + j)];
        e(i, j) = e(j, i) = 0.05 * raw[static_cast<std::size_t>(n * n + i * n + j)];
      }
    }
    Matrix<double> b = a;
    for (std::size_t i = 0; i < b.values().size(); ++i) b.values()[i] += e.values()[i];
    const ChangeSize size = size_of(*dense<double>(tensor(e)), repeatable<CertifyOptions>(), context);
    const auto of_a = bounds::symmetric_eigenvalues(a, context);
    const auto of_b = bounds::symmetric_eigenvalues(b, context);
    const Sines measured = sines_between(of_a.vectors, of_b.vectors, k);
    for (const SubspaceAngles& bound : {davis_kahan(of_a, of_b, size, k), davis_kahan(of_a, size, k)}) {
      const double slack = tolerance::relative(n, n, 1e3);
      EXPECT_LE(measured.largest, bound.largest.upper->value() + slack);
      EXPECT_LE(std::sqrt(measured.total_squared), bound.total.upper->value() + slack);
    }
    // Weyl, the i-th to the i-th. The rounding of the sum b is far below the size of E.
    const double distance =
        symmetric_eigenvalue_distance(of_a, size).upper->value() + of_b.radius.value() + tolerance::of_matrix(n, n, 10);
    for (std::size_t i = 0; i < of_a.values.size(); ++i) {
      EXPECT_LE(std::fabs(of_a.values[i] - of_b.values[i]), distance);
    }
  }
}

TEST(SymmetricEigenvalues, HaveRadiiThatContainTheTruth) {
  Context context(1);
  for (const double unit : {1e-300, 1.0, 1e300}) {
    const std::int64_t n = 9;
    std::vector<double> lambda;
    for (std::int64_t i = 0; i < n; ++i) lambda.push_back(unit * (4.0 - static_cast<double>(i)));
    const auto q = gallery::orthonormal(n, n, 3);
    Matrix<double> a(n, n);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        long double sum = 0;
        for (std::size_t l = 0; l < lambda.size(); ++l) {
          sum += q[l][static_cast<std::size_t>(i)] * q[l][static_cast<std::size_t>(j)] * lambda[l];
        }
        a(i, j) = a(j, i) = static_cast<double>(sum);
      }
    }
    const auto found = bounds::symmetric_eigenvalues(a, context);
    // Entries are rounded once.
    const double rounded = tolerance::of_matrix(n, n, 4 * unit);
    for (std::size_t i = 0; i < lambda.size(); ++i) {
      EXPECT_LE(std::fabs(found.values[i] - lambda[i]), found.radius.value() + rounded);
    }
    EXPECT_LE(found.radius.value(), tolerance::of_matrix(n, n, 4 * unit, 256));
  }
  EXPECT_THROW(bounds::symmetric_eigenvalues(matrix({{1, 2}, {3, 1}}), context), Error);
  EXPECT_THROW(bounds::symmetric_eigenvalues(matrix({{1, NAN}, {NAN, 1}}), context), Error);
  EXPECT_EQ(bounds::symmetric_eigenvalues(Matrix<double>(3, 3), context).values[2], 0);
}

TEST(BauerFike, DisksContainEveryEigenvalueOfTheChangedMatrix) {
  Context context(1);
  const SerialBlas serial;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const std::int64_t n = 6;
    const Matrix<double> a = matrix(gallery::normal(n * n, seed), n, n);
    const Matrix<double> e = change(Kind::random, a, 1e-3, seed + 100);
    Matrix<double> b = a;
    for (std::size_t i = 0; i < b.values().size(); ++i) b.values()[i] += e.values()[i];
    const bounds::EigenvalueDisks disks = bounds::eigenvalue_disks(a, context);
    ASSERT_TRUE(disks.condition.upper.has_value());
    const ChangeSize size = size_of(*dense<double>(tensor(e)), repeatable<CertifyOptions>(), context);
    const double radius = eigenvalue_distance(disks, size).upper->value();
    const double rounding = tolerance::of_matrix(n, n, 10 * disks.condition.upper->value(), 16);
    for (const std::complex<double>& z : lapack::eigenvalues(b)) {
      double nearest = std::numeric_limits<double>::infinity();
      for (const std::complex<double>& d : disks.values) nearest = std::min(nearest, std::abs(z - d));
      EXPECT_LE(nearest, radius + rounding) << seed;
    }
    EXPECT_LE(disks.residual.value(), rounding);
  }
}

TEST(BauerFike, ConditionOfEigenvectorsIsEnclosed) {
  Context context(1);
  // Golden value: unit eigenvectors (1, 0) and (1000, 1) / sqrt(1e6 + 1).
  const bounds::EigenvalueDisks disks = bounds::eigenvalue_disks(matrix({{1, 1000}, {0, 2}}), context);
  EXPECT_LE(disks.condition.lower.value(), 2000.0005);
  EXPECT_GE(disks.condition.upper->value(), 2000.0005 - tolerance::of_digits(7));
  EXPECT_LE(disks.condition.relative_width(), tolerance::relative(2, 2, 2e6, 64));
  // A rotation and any symmetric matrix are normal: 1, with complex eigenvectors too.
  for (const Matrix<double>& normal : {matrix({{0, -1}, {1, 0}}), matrix({{2, 1}, {1, 3}})}) {
    const bounds::EigenvalueDisks of_normal = bounds::eigenvalue_disks(normal, context);
    EXPECT_NEAR(of_normal.condition.upper->value(), 1, tolerance::relative(2, 2, 1, 1024));
    EXPECT_GE(of_normal.condition.lower.value(), 1);
  }
}

TEST(BauerFike, SaysNothingOfAJordanBlock) {
  Context context(1);
  Matrix<double> jordan(10, 10);
  for (std::int64_t i = 0; i + 1 < 10; ++i) jordan(i, i + 1) = 1;
  const bounds::EigenvalueDisks disks = bounds::eigenvalue_disks(jordan, context);
  EXPECT_FALSE(disks.condition.upper.has_value());
  EXPECT_TRUE(std::isinf(disks.residual.value()));
  EXPECT_FALSE(eigenvalue_distance(disks, change_of_at_most(1e-10)).upper.has_value());
}

}  // namespace
}  // namespace sigmax::sensitivity
