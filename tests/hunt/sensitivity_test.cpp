// The hunt for a wrong end among the proofs about systems, eigenvalues and powers: hostile matrices at every scale,
// against truths in about 128 bits, in long double, or known by construction. `make hunt`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hunt/budget.hpp"
#include "hunt/wide_inverse.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/eigenvalues.hpp"
#include "sigmax/bounds/least_squares.hpp"
#include "sigmax/bounds/linear_system.hpp"
#include "sigmax/bounds/matrix_powers.hpp"
#include "sigmax/sensitivity/non_normality.hpp"
#include "support/dense.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using dense_support::LongMatrix;
using hunt::Wide;
using Vector = std::vector<double>;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::int64_t pick(std::int64_t count) { return std::uniform_int_distribution<std::int64_t>(0, count - 1)(random_); }
  double uniform() { return std::uniform_real_distribution<double>()(random_); }
  double normal() { return std::normal_distribution<double>()(random_); }

  Vector vector(std::int64_t n) {
    Vector x(static_cast<std::size_t>(n));
    const auto kind = pick(4);
    for (double& value : x) {
      value = kind == 0 ? static_cast<double>(pick(5)) - 2 : normal();
      if (kind == 1) value *= std::pow(10.0, -20 * uniform());
    }
    return x;
  }

  Matrix<double> matrix(std::int64_t m, std::int64_t n) {
    Matrix<double> a(m, n);
    const auto kind = pick(7);
    const double range = 16 * uniform();
    std::vector<double> rows, columns;
    for (std::int64_t i = 0; i < m; ++i) rows.push_back(kind == 2 ? std::pow(10.0, -range * uniform()) : 1.0);
    for (std::int64_t j = 0; j < n; ++j) columns.push_back(kind == 3 ? std::pow(10.0, -range * uniform()) : 1.0);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double value = kind == 1   ? static_cast<double>(pick(7)) - 3
                       : kind == 4 ? 1 / static_cast<double>(i + j + 1)
                       : kind == 5 ? (j == n - 1 || i == j ? 1.0
                                      : i > j              ? -1.0
                                                           : 0.0)
                                   : normal();
        value *= rows[static_cast<std::size_t>(i)] * columns[static_cast<std::size_t>(j)];
        a(i, j) = value;
      }
    }
    if (kind == 6 && m > 1 && n > 1) {  // the last column nearly a sum of the others
      const double apart = std::pow(10.0, -16 * uniform());
      for (std::int64_t i = 0; i < m; ++i) {
        double sum = 0;
        for (std::int64_t j = 0; j + 1 < n; ++j) sum += a(i, j);
        a(i, n - 1) = sum + apart * normal();
      }
    }
    return a;
  }

 private:
  std::mt19937_64 random_;
};

long double value_of(const Wide& w) { return w.high + w.low; }

// b - A x, and |A| |x| + |b|.
struct WideResidual {
  std::vector<Wide> r;
  std::vector<long double> size;
};
WideResidual residual_of(const Matrix<double>& a, const Vector& x, const Vector& b) {
  WideResidual result;
  for (std::size_t i = 0; i < b.size(); ++i) {
    Wide sum(b[i]);
    long double size = std::fabs(b[i]);
    for (std::size_t j = 0; j < x.size(); ++j) {
      const long double entry = a(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j));
      sum = sum - Wide::of_product(entry, x[j]);
      size += std::fabs(entry * x[j]);
    }
    result.r.push_back(sum);
    result.size.push_back(size);
  }
  return result;
}

// A^-1 by Gauss and Jordan in 128 bits; missing if a pivot is 0. Its error relative to |A^-1| is about kappa 2^-115.
std::optional<std::vector<std::vector<Wide>>> inverse_of(const Matrix<double>& a) {
  const auto n = static_cast<std::size_t>(a.rows());
  std::vector<std::vector<Wide>> m(n, std::vector<Wide>(2 * n));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) m[i][j] = Wide(a(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)));
    m[i][n + i] = Wide(1);
  }
  for (std::size_t step = 0; step < n; ++step) {
    std::size_t row = step;
    for (std::size_t i = step; i < n; ++i) {
      if (std::fabs(m[i][step].high) > std::fabs(m[row][step].high)) row = i;
    }
    if (m[row][step].high == 0) return std::nullopt;
    std::swap(m[row], m[step]);
    const Wide pivot = m[step][step];
    for (Wide& value : m[step]) value = value / pivot;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == step) continue;
      const Wide factor = m[i][step];
      for (std::size_t j = 0; j < 2 * n; ++j) m[i][j] = m[i][j] - factor * m[step][j];
    }
  }
  for (auto& row : m) row.erase(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(n));
  return m;
}

struct Counts {
  std::int64_t systems = 0, solved = 0, proven_powers = 0, disks = 0, quotients = 0;
};

constexpr long double kLong = tolerance::kExtended;

void hunt_system(Maker& maker, const std::string& where, Counts& counts, Context& context) {
  const std::int64_t n = 1 + maker.pick(7);
  Matrix<double> a = maker.matrix(n, n);
  Vector b = maker.vector(n), x = maker.vector(n);
  const std::optional<std::vector<std::vector<Wide>>> inverse = inverse_of(a);
  if (inverse && maker.pick(3) > 0) {  // near the solution
    for (std::size_t i = 0; i < x.size(); ++i) {
      Wide sum;
      for (std::size_t j = 0; j < b.size(); ++j) sum = sum + (*inverse)[i][j] * Wide(b[j]);
      x[i] = static_cast<double>(value_of(sum)) * (1 + maker.normal() * std::pow(10.0, -18 * maker.uniform()));
    }
  }
  ++counts.systems;
  const int of_a = static_cast<int>(maker.pick(1200)) - 600, of_x = static_cast<int>(maker.pick(600)) - 300;
  const WideResidual truth = residual_of(a, x, b);
  Matrix<double> moved = a;
  Vector y = x, c = b;
  for (double& value : moved.values()) value = std::ldexp(value, of_a);
  for (double& value : y) value = std::ldexp(value, of_x);
  for (double& value : c) value = std::ldexp(value, of_a + of_x);
  // Any number of at least |A| in the place of it.
  double norm = 0;
  for (const double value : a.values()) norm += std::fabs(value);
  norm *= 1.01 + maker.uniform();
  const bounds::BackwardErrors errors = bounds::backward_errors(moved, y, c, bounds::exactly(std::ldexp(norm, of_a)));
  long double largest = 0, square = 0, of_b = 0, of_solution = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const long double r = value_of(truth.r[i]);
    if (truth.size[i] > 0) largest = std::max(largest, std::fabs(r) / truth.size[i]);
    square += r * r;
    of_b += static_cast<long double>(b[i]) * b[i];
    of_solution += static_cast<long double>(x[i]) * x[i];
  }
  ASSERT_LE(errors.componentwise.lower.value(), largest * (1 + kLong)) << where;
  ASSERT_GE(errors.componentwise.upper->value(), largest * (1 - kLong)) << where;
  const long double below = norm * std::sqrt(of_solution) + std::sqrt(of_b);
  const long double normwise = below > 0 ? std::sqrt(square) / below : 0;
  ASSERT_LE(errors.normwise.lower.value(), normwise * (1 + kLong)) << where;
  ASSERT_GE(errors.normwise.upper->value(), normwise * (1 - kLong)) << where;
  const std::optional<bounds::SolutionError> found = bounds::solution_error(moved, y, c, context);
  const std::optional<bounds::SkeelNumbers> skeel = bounds::skeel(moved, y, context);
  ASSERT_EQ(found.has_value(), skeel.has_value()) << where;
  if (!inverse) {
    ASSERT_FALSE(found.has_value()) << where;
  }
  if (!found || !inverse) return;
  ++counts.solved;
  long double two = 0;
  const long double error_of_truth = 0x1p-50L;
  for (std::size_t i = 0; i < x.size(); ++i) {
    Wide sum;
    for (std::size_t j = 0; j < b.size(); ++j) sum = sum + (*inverse)[i][j] * truth.r[j];
    const long double error = std::fabs(value_of(sum));
    two += error * error;
    ASSERT_GE(std::ldexp(static_cast<long double>(found->entrywise[i].value()), -of_x), error * (1 - error_of_truth))
        << where;
  }
  ASSERT_GE(std::ldexp(static_cast<long double>(found->two_norm.value()), -of_x), std::sqrt(two) * (1 - error_of_truth))
      << where;
  long double of_matrix = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    long double sum = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      long double row = 0;
      for (std::int64_t j = 0; j < n; ++j)
        row += std::fabs(static_cast<long double>(a(static_cast<std::int64_t>(k), j)));
      sum += std::fabs(value_of((*inverse)[i][k])) * row;
    }
    of_matrix = std::max(of_matrix, sum);
  }
  ASSERT_LE(skeel->of_matrix.lower.value(), of_matrix * (1 + error_of_truth)) << where;
  ASSERT_GE(skeel->of_matrix.upper->value(), of_matrix * (1 - error_of_truth)) << where;
}

void hunt_least_squares(Maker& maker, const std::string& where, Context& context) {
  const std::int64_t n = 1 + maker.pick(3), m = n + maker.pick(3);
  const Matrix<double> a = maker.matrix(m, n);
  const Vector b = maker.vector(m), x = maker.vector(n);
  const WideResidual truth = residual_of(a, x, b);
  long double r = 0, of_x = 0;
  for (const Wide& value : truth.r) r += value_of(value) * value_of(value);
  for (const double value : x) of_x += static_cast<long double>(value) * value;
  if (!(r > 0) || !(of_x > 0)) return;
  const long double phi = std::sqrt(r / of_x);
  if (!(phi < 0x1p60L) || !(phi > 0x1p-60L)) return;
  bounds::LeastSquaresBackwardError found{bounds::exactly(0), 0};
  CertifyOptions options;
  options.random = vouched(RandomState{});
  found = bounds::least_squares_backward_error(a, x, b, std::numeric_limits<double>::infinity(), options, context);
  std::vector<long double> wide;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) wide.push_back(a(i, j));
    for (std::int64_t j = 0; j < m; ++j) {
      const long double outer =
          value_of(truth.r[static_cast<std::size_t>(i)]) * value_of(truth.r[static_cast<std::size_t>(j)]) / r;
      wide.push_back(phi * ((i == j ? 1 : 0) - outer));
    }
  }
  const std::vector<long double> sigma =
      gallery::reference_singular_values(wide, static_cast<std::size_t>(m), static_cast<std::size_t>(m + n));
  const long double exact = std::min(phi, sigma.back());
  const long double slack = 0x1p-54L * sigma.front();  // of the truth
  ASSERT_LE(found.optimal.lower.value(), exact + slack) << where;
  ASSERT_TRUE(found.optimal.upper.has_value()) << where;
  ASSERT_GE(found.optimal.upper->value(), exact - slack) << where;
}

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
    LongMatrix power(static_cast<std::size_t>(n), std::vector<long double>(static_cast<std::size_t>(n)));
    for (std::size_t i = 0; i < power.size(); ++i) power[i][i] = 1;
    const LongMatrix rows = dense_support::in_long(a);
    for (int k = 0; k <= 30; ++k) {
      std::vector<long double> flat;
      for (const auto& row : power) flat.insert(flat.end(), row.begin(), row.end());
      ASSERT_LE(gallery::reference_singular_values(flat, power.size(), power.size()).front(),
                constant->value() * (1 + kLong))
          << where;
      LongMatrix next(power.size(), std::vector<long double>(power.size()));
      for (std::size_t i = 0; i < power.size(); ++i) {
        for (std::size_t l = 0; l < power.size(); ++l) {
          for (std::size_t j = 0; j < power.size(); ++j) next[i][j] += power[i][l] * rows[l][j] / rate;
        }
      }
      power = next;
    }
  }
  // The resolvent: |v| / |(z I - A) v| <= 1 / sigma_min, of [x I - A, -y I; y I, x I - A].
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
  ++counts.quotients;
}

TEST(Hunt, EveryBoundOfSystemsEigenvaluesAndPowersHolds) {
  Context context(1);
  Counts counts;
  const std::int64_t specimens = std::max<std::int64_t>(1, hunt::budget(4000) / 4);
  for (std::int64_t i = 0; i < specimens; ++i) {
    const std::uint64_t seed = hunt::first_seed() + static_cast<std::uint64_t>(i);
    const std::string where = fmt::format("SIGMAX_HUNT=1 SIGMAX_HUNT_SEED={} ", seed);
    Maker maker(seed);
    ASSERT_NO_THROW({
      ASSERT_NO_FATAL_FAILURE(hunt_system(maker, where, counts, context));
      ASSERT_NO_FATAL_FAILURE(hunt_least_squares(maker, where, context));
      ASSERT_NO_FATAL_FAILURE(hunt_triangular(maker, where, counts, context));
      ASSERT_NO_FATAL_FAILURE(hunt_similar(maker, where, counts, context));
      ASSERT_NO_FATAL_FAILURE(hunt_symmetric(maker, where, context));
      ASSERT_NO_FATAL_FAILURE(hunt_powers(maker, where, counts, context));
    }) << where;
  }
  std::printf("%lld systems, %lld solutions proven; %lld spectra in disks; %lld power bounds\n",
              static_cast<long long>(counts.systems), static_cast<long long>(counts.solved),
              static_cast<long long>(counts.disks), static_cast<long long>(counts.proven_powers));
}

}  // namespace
}  // namespace sigmax
