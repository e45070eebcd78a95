// The hunt for a wrong end among the proofs about linear systems: hostile matrices at every scale, against truths in
// about 128 bits. `make hunt`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "hunt/budget.hpp"
#include "hunt/hostile_matrix.hpp"
#include "hunt/wide_inverse.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/least_squares.hpp"
#include "sigmax/bounds/linear_system.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using hunt::Wide;
using Maker = hunt::HostileMaker;
using Vector = std::vector<double>;
using WideMatrix = std::vector<std::vector<Wide>>;

constexpr long double kLong = tolerance::kExtended;

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
std::optional<WideMatrix> inverse_of(const Matrix<double>& a) {
  const auto n = static_cast<std::size_t>(a.rows());
  WideMatrix m(n, std::vector<Wide>(2 * n));
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
  std::int64_t systems = 0, solved = 0;
};

// A x = b, and 2^of_a A (2^of_x x) = 2^(of_a + of_x) b, in which no entry leaves the range.
struct System {
  Matrix<double> a;
  Vector x, b;
  Matrix<double> moved_a;
  Vector moved_x, moved_b;
  int of_a = 0, of_x = 0;
  std::optional<WideMatrix> inverse;
  WideResidual truth;
};

System make_system(Maker& maker) {
  const std::int64_t n = 1 + maker.pick(7);
  System s;
  s.a = maker.matrix(n, n);
  s.b = maker.vector(n);
  s.x = maker.vector(n);
  s.inverse = inverse_of(s.a);
  if (s.inverse && maker.pick(3) > 0) {  // near the solution
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      Wide sum;
      for (std::size_t j = 0; j < s.b.size(); ++j) sum = sum + (*s.inverse)[i][j] * Wide(s.b[j]);
      s.x[i] = static_cast<double>(value_of(sum)) * (1 + maker.normal() * std::pow(10.0, -18 * maker.uniform()));
    }
  }
  s.of_a = static_cast<int>(maker.pick(1200)) - 600;
  s.of_x = static_cast<int>(maker.pick(600)) - 300;
  s.truth = residual_of(s.a, s.x, s.b);
  s.moved_a = s.a;
  s.moved_x = s.x;
  s.moved_b = s.b;
  for (double& value : s.moved_a.values()) value = std::ldexp(value, s.of_a);
  for (double& value : s.moved_x) value = std::ldexp(value, s.of_x);
  for (double& value : s.moved_b) value = std::ldexp(value, s.of_a + s.of_x);
  return s;
}

void check_backward_errors(Maker& maker, const System& s, const std::string& where) {
  // Any number of at least |A| in the place of it.
  double norm = 0;
  for (const double value : s.a.values()) norm += std::fabs(value);
  norm *= 1.01 + maker.uniform();
  const bounds::BackwardErrors errors =
      bounds::backward_errors(s.moved_a, s.moved_x, s.moved_b, bounds::exactly(std::ldexp(norm, s.of_a)));
  long double largest = 0, square = 0, of_b = 0, of_solution = 0;
  for (std::size_t i = 0; i < s.b.size(); ++i) {
    const long double r = value_of(s.truth.r[i]);
    if (s.truth.size[i] > 0) largest = std::max(largest, std::fabs(r) / s.truth.size[i]);
    square += r * r;
    of_b += static_cast<long double>(s.b[i]) * s.b[i];
    of_solution += static_cast<long double>(s.x[i]) * s.x[i];
  }
  ASSERT_LE(errors.componentwise.lower.value(), largest * (1 + kLong)) << where;
  ASSERT_GE(errors.componentwise.upper->value(), largest * (1 - kLong)) << where;
  const long double below = norm * std::sqrt(of_solution) + std::sqrt(of_b);
  const long double normwise = below > 0 ? std::sqrt(square) / below : 0;
  ASSERT_LE(errors.normwise.lower.value(), normwise * (1 + kLong)) << where;
  ASSERT_GE(errors.normwise.upper->value(), normwise * (1 - kLong)) << where;
}

// max_i sum_k |A^-1|_ik sum_j |A|_kj
long double skeel_number(const Matrix<double>& a, const WideMatrix& inverse) {
  long double largest = 0;
  for (const std::vector<Wide>& line : inverse) {
    long double sum = 0;
    for (std::size_t k = 0; k < line.size(); ++k) {
      long double row = 0;
      for (std::int64_t j = 0; j < a.columns(); ++j) {
        row += std::fabs(static_cast<long double>(a(static_cast<std::int64_t>(k), j)));
      }
      sum += std::fabs(value_of(line[k])) * row;
    }
    largest = std::max(largest, sum);
  }
  return largest;
}

void hunt_system(Maker& maker, const std::string& where, Counts& counts, Context& context) {
  const System s = make_system(maker);
  ++counts.systems;
  ASSERT_NO_FATAL_FAILURE(check_backward_errors(maker, s, where));
  const std::optional<bounds::SolutionError> found = bounds::solution_error(s.moved_a, s.moved_x, s.moved_b, context);
  const std::optional<bounds::SkeelNumbers> skeel = bounds::skeel(s.moved_a, s.moved_x, context);
  ASSERT_EQ(found.has_value(), skeel.has_value()) << where;
  if (!s.inverse) {
    ASSERT_FALSE(found.has_value()) << where;
  }
  if (!found || !s.inverse) return;
  ++counts.solved;
  const auto in_units = [&s](const UpperBound& error) {
    return std::ldexp(static_cast<long double>(error.value()), -s.of_x);
  };
  long double two = 0;
  const long double error_of_truth = 0x1p-50L;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    Wide sum;
    for (std::size_t j = 0; j < s.b.size(); ++j) sum = sum + (*s.inverse)[i][j] * s.truth.r[j];
    const long double error = std::fabs(value_of(sum));
    two += error * error;
    ASSERT_GE(in_units(found->entrywise[i]), error * (1 - error_of_truth)) << where;
  }
  ASSERT_GE(in_units(found->two_norm), std::sqrt(two) * (1 - error_of_truth)) << where;
  const long double of_matrix = skeel_number(s.a, *s.inverse);
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

TEST(HuntSystems, EveryBoundHolds) {
  Context context(1);
  Counts counts;
  const std::int64_t specimens = std::max<std::int64_t>(1, hunt::budget(4000) / 4);
  for (std::int64_t i = 0; i < specimens; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    const std::string where = hunt::rerun(seed) + " ";
    Maker maker(seed);
    ASSERT_NO_THROW({
      ASSERT_NO_FATAL_FAILURE(hunt_system(maker, where, counts, context));
      ASSERT_NO_FATAL_FAILURE(hunt_least_squares(maker, where, context));
    }) << where;
  }
  std::printf("%lld systems, %lld solutions proven\n", static_cast<long long>(counts.systems),
              static_cast<long long>(counts.solved));
}

}  // namespace
}  // namespace sigmax
