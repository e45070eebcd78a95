// The hunt for a wrong end among the proofs about eigenvalues, powers and resolvents: hostile matrices, against truths
// in long double or known by construction. `make hunt`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "hunt/budget.hpp"
#include "hunt/hostile_matrix.hpp"
#include "sigmax/bounds/eigenvalues.hpp"
#include "sigmax/bounds/matrix_powers.hpp"
#include "sigmax/sensitivity/non_normality.hpp"
#include "support/dense.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using dense_support::LongMatrix;
using Maker = hunt::HostileMaker;

constexpr long double kLong = tolerance::kExtended;

struct Counts {
  std::int64_t proven_powers = 0, disks = 0;
};

long double distance_to(const std::vector<std::complex<double>>& values, long double lambda) {
  long double nearest = std::numeric_limits<long double>::infinity();
  for (const std::complex<double>& d : values) {
    nearest = std::min(nearest, std::hypot(lambda - d.real(), static_cast<long double>(d.imag())));
  }
  return nearest;
}

// Triangular matrices, their rows and columns permuted alike: eigenvalues are the diagonal entries, and the departure
// is the norm of the rest.
void hunt_triangular(Maker& maker, const std::string& where, Counts& counts, Context& context) {
  const std::int64_t n = 1 + maker.pick(6);
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < n; ++i) order.insert(order.begin() + maker.pick(i + 1), i);
  const double above = std::pow(10.0, 8 * maker.uniform() - 4), size = std::pow(10.0, -12 * maker.uniform());
  const bool integers = maker.pick(3) == 0;
  Matrix<double> a(n, n);
  std::vector<long double> moved;
  long double square = 0, change = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i; j < n; ++j) {
      const double of_diagonal = integers ? static_cast<double>(maker.pick(4)) : maker.normal();
      const double entry = i == j ? of_diagonal : above * maker.normal();
      const double sum = entry + size * maker.normal();
      a(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]) = entry;
      const long double e = static_cast<long double>(sum) - entry;
      change += e * e;
      if (i == j) moved.push_back(sum);
      if (i != j) square += static_cast<long double>(entry) * entry;
    }
  }
  const Enclosure departure = bounds::departure_from_normality(a, context);
  ASSERT_LE(departure.lower.value(), std::sqrt(square) * (1 + kLong)) << where;
  ASSERT_GE(departure.upper->value(), std::sqrt(square) * (1 - kLong)) << where;
  const bounds::EigenvalueDisks disks = bounds::eigenvalue_disks(a, context);
  if (!disks.condition.upper) return;
  ++counts.disks;
  const long double radius = disks.residual.value() + disks.condition.upper->value() * std::sqrt(change) * (1 + kLong);
  for (const long double lambda : moved) ASSERT_LE(distance_to(disks.values, lambda), radius * (1 + kLong)) << where;
}

// Quarters, so that similarities by I + e_i e_j^T and their inverses are exact: full matrices with known eigenvalues.
void hunt_similar(Maker& maker, const std::string& where, Counts& counts, Context& context) {
  const std::int64_t n = 2 + maker.pick(5);
  Matrix<double> a(n, n);
  std::vector<long double> eigenvalues;
  const double above = std::ldexp(1.0, static_cast<int>(maker.pick(10)));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i; j < n; ++j) {
      a(i, j) = static_cast<double>(maker.pick(33) - 16) / 4;
      if (i == j) eigenvalues.push_back(a(i, j));
      if (i != j) a(i, j) *= above;
    }
  }
  for (std::int64_t step = 0; step < 2 * n; ++step) {
    const std::int64_t i = maker.pick(n), j = (i + 1 + maker.pick(n - 1)) % n;
    const double factor = maker.pick(2) == 0 ? 1 : -1;
    for (std::int64_t k = 0; k < n; ++k) a(i, k) += factor * a(j, k);
    for (std::int64_t k = 0; k < n; ++k) a(k, j) -= factor * a(k, i);
  }
  const bounds::EigenvalueDisks disks = bounds::eigenvalue_disks(a, context);
  if (!disks.condition.upper) return;
  ++counts.disks;
  for (const long double lambda : eigenvalues) {
    ASSERT_LE(distance_to(disks.values, lambda), disks.residual.value() * (1 + kLong)) << where;
  }
}

// Eigenvalues of a symmetric matrix by Jacobi's rotations in long double, descending.
std::vector<long double> jacobi(LongMatrix a) {
  const std::size_t n = a.size();
  for (int sweep = 0; sweep < 60; ++sweep) {
    bool rotated = false;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const long double off = a[p][q];
        if (std::fabs(off) <= 0x1p-66L * (std::fabs(a[p][p]) + std::fabs(a[q][q])) && std::fabs(off) < 1e-25L) continue;
        if (off == 0) continue;
        rotated = true;
        const long double zeta = (a[q][q] - a[p][p]) / (2 * off);
        const long double t = std::copysign(1 / (std::fabs(zeta) + std::hypot(1.0L, zeta)), zeta);
        const long double c = 1 / std::hypot(1.0L, t), s = c * t;
        for (std::size_t i = 0; i < n; ++i) {
          const long double x = a[i][p];
          a[i][p] = c * x - s * a[i][q];
          a[i][q] = s * x + c * a[i][q];
        }
        for (std::size_t i = 0; i < n; ++i) {
          const long double x = a[p][i];
          a[p][i] = c * x - s * a[q][i];
          a[q][i] = s * x + c * a[q][i];
        }
      }
    }
    if (!rotated) break;
  }
  std::vector<long double> values;
  for (std::size_t i = 0; i < n; ++i) values.push_back(a[i][i]);
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

void hunt_symmetric(Maker& maker, const std::string& where, Context& context) {
  const std::int64_t n = 1 + maker.pick(6);
  Matrix<double> a = maker.matrix(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < i; ++j) a(i, j) = a(j, i);
  }
  const std::vector<long double> truth = jacobi(dense_support::in_long(a));
  const bounds::SymmetricEigenvalues found = bounds::symmetric_eigenvalues(a, context);
  const long double size = std::max(std::fabs(truth.front()), std::fabs(truth.back()));
  for (std::size_t i = 0; i < truth.size(); ++i) {
    ASSERT_LE(std::fabs(found.values[i] - truth[i]), found.radius.value() + kLong * size) << where;
  }
}

// The resolvent: |v| / |(z I - A) v| <= 1 / sigma_min, of [x I - A, -y I; y I, x I - A].
void check_resolvent(Maker& maker, const Matrix<double>& a, const std::string& where) {
  const std::int64_t n = a.rows();
  const std::complex<double> z(maker.normal(), maker.normal());
  std::vector<std::complex<double>> v;
  for (std::int64_t i = 0; i < n; ++i) v.emplace_back(maker.normal(), maker.normal());
  const auto order = static_cast<std::size_t>(2 * n);
  std::vector<long double> embedded(order * order);
  for (std::size_t i = 0; i < order / 2; ++i) {
    for (std::size_t j = 0; j < order / 2; ++j) {
      const long double entry = (i == j ? static_cast<long double>(z.real()) : 0) -
                                a(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j));
      embedded[i * order + j] = entry;
      embedded[(order / 2 + i) * order + order / 2 + j] = entry;
    }
    embedded[i * order + order / 2 + i] = -z.imag();
    embedded[(order / 2 + i) * order + i] = z.imag();
  }
  const long double sigma = gallery::reference_singular_values(embedded, order, order).back();
  ASSERT_LE(bounds::resolvent_norm(a, z, v).value() * sigma, 1 + kLong * 0x1p10L) << where;
}

// |A^k| / rate^k for k up to 30, which `constant` bounds.
void check_powers(const Matrix<double>& a, double rate, const UpperBound& constant, const std::string& where) {
  const auto n = static_cast<std::size_t>(a.rows());
  LongMatrix power(n, std::vector<long double>(n));
  for (std::size_t i = 0; i < n; ++i) power[i][i] = 1;
  const LongMatrix rows = dense_support::in_long(a);
  for (int k = 0; k <= 30; ++k) {
    std::vector<long double> flat;
    for (const auto& row : power) flat.insert(flat.end(), row.begin(), row.end());
    ASSERT_LE(gallery::reference_singular_values(flat, n, n).front(), constant.value() * (1 + kLong)) << where;
    LongMatrix next(n, std::vector<long double>(n));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t l = 0; l < n; ++l) {
        for (std::size_t j = 0; j < n; ++j) next[i][j] += power[i][l] * rows[l][j] / rate;
      }
    }
    power = next;
  }
}

void hunt_powers(Maker& maker, const std::string& where, Counts& counts, Context& context) {
  const std::int64_t n = 1 + maker.pick(4);
  Matrix<double> a = maker.matrix(n, n);
  double largest = 0;
  for (const double value : a.values()) largest = std::max(largest, std::fabs(value));
  if (largest == 0) return;
  for (double& value : a.values()) value /= largest;
  const double rate = std::pow(2.0, 3 * maker.uniform() - 1.5);
  // Once sigmax's own Lyapunov matrix, once some definite one, once any.
  std::optional<UpperBound> constant;
  const auto kind = maker.pick(3);
  if (kind == 0) {
    constant = sensitivity::power_bound(dense_support::tensor(a), rate, context).constant;
  } else {
    Matrix<double> p = maker.matrix(n, n);
    if (kind == 1) {
      const Matrix<double> q = p;
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          p(i, j) = i == j ? 1e-3 : 0;
          for (std::int64_t l = 0; l < n; ++l) p(i, j) += q(l, i) * q(l, j);
        }
      }
    }
    constant = bounds::power_constant(a, p, rate, context);
  }
  if (constant) {
    ++counts.proven_powers;
    ASSERT_NO_FATAL_FAILURE(check_powers(a, rate, *constant, where));
  }
  check_resolvent(maker, a, where);
}

TEST(HuntEigenvalues, EveryBoundHolds) {
  Context context(1);
  Counts counts;
  const std::int64_t specimens = std::max<std::int64_t>(1, hunt::budget(4000) / 4);
  for (std::int64_t i = 0; i < specimens; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    const std::string where = hunt::rerun(seed) + " ";
    Maker maker(seed);
    ASSERT_NO_THROW({
      ASSERT_NO_FATAL_FAILURE(hunt_triangular(maker, where, counts, context));
      ASSERT_NO_FATAL_FAILURE(hunt_similar(maker, where, counts, context));
      ASSERT_NO_FATAL_FAILURE(hunt_symmetric(maker, where, context));
      ASSERT_NO_FATAL_FAILURE(hunt_powers(maker, where, counts, context));
    }) << where;
  }
  std::printf("%lld spectra in disks; %lld power bounds\n", static_cast<long long>(counts.disks),
              static_cast<long long>(counts.proven_powers));
}

}  // namespace
}  // namespace sigmax
