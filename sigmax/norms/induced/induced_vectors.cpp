#include "sigmax/norms/induced/induced_vectors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/exponent.hpp"

namespace sigmax::norms {
namespace {
// A factor of the scaling may exceed another by this much.
constexpr double kLeastScale = 0x1p-60;

double largest_magnitude(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) largest = std::isfinite(value) ? std::max(largest, std::fabs(value)) : largest;
  return largest;
}

// Columns side by side: powers cost more than products where a matrix is long and thin.
void dualize_columns(Matrix<double>& x, double p, Context& context) {
  context.parallel_for(static_cast<std::size_t>(x.columns()),
                       [&](std::size_t j) { dualize(x.column(static_cast<std::int64_t>(j)), p); });
}

// x^e for x >= 0, the usual exponents without pow, also where e has been rounded: 4/3 is conjugate to 4.
double power_of(double x, double e) {
  const auto is_near = [e](double wanted) { return std::fabs(e - wanted) < 1e-14; };
  if (is_near(1)) return x;
  if (is_near(2)) return x * x;
  if (is_near(0.5)) return std::sqrt(x);
  if (is_near(3)) return x * x * x;
  return std::pow(x, e);
}

// One step of the power method for every column: x <- dual_p(A^T dual_q*(A x)).
void step(const Products& a, double p, double q, Matrix<double>& x, Matrix<double>& y, Context& context) {
  a.forward(std::as_const(x).view(), y.view());
  dualize_columns(y, conjugate(q), context);
  a.adjoint(std::as_const(y).view(), x.view());
  dualize_columns(x, p, context);
}

// The Euclidean norm of each row of y.
std::vector<double> row_norms(const Matrix<double>& y) {
  std::vector<double> squares(static_cast<std::size_t>(y.rows()), 0.0);
  for (std::int64_t j = 0; j < y.columns(); ++j) {
    const std::span<const double> column = y.column(j);
    for (std::size_t i = 0; i < squares.size(); ++i) squares[i] += column[i] * column[i];
  }
  for (double& value : squares) value = std::sqrt(value);
  return squares;
}

// Row i of y gets the length that the dual map of the lengths gives it; `scale` becomes length before / length after,
// relative to the largest, to the power -1/2.
void dualize_rows(Matrix<double>& y, double r, std::vector<double>& scale) {
  const std::vector<double> before = row_norms(y);
  const double largest = largest_magnitude(before);
  scale.assign(before.size(), 1.0);
  if (!(largest > 0)) return;
  // length after ~ before^(r* - 1), so that their quotient is ~ before^(2 - r*).
  const double exponent = conjugate(r) - 1;
  std::vector<double> factor(before.size(), 0.0);
  std::vector<double> after = before;
  dualize(after, r);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double relative = before[i] / largest;
    if (before[i] > 0) factor[i] = after[i] / before[i];
    scale[i] = 1 / std::sqrt(std::max(std::pow(relative, 1 - exponent), kLeastScale));
  }
  for (std::int64_t j = 0; j < y.columns(); ++j) {
    const std::span<double> column = y.column(j);
    for (std::size_t i = 0; i < factor.size(); ++i) column[i] *= factor[i];
  }
}

}  // namespace

double approximate_norm(std::span<const double> x, double p) {
  const double largest = largest_magnitude(x);
  if (p == kInfinity || largest == 0) return largest;
  double sum = 0;
  for (const double value : x) sum += power_of(std::fabs(value) / largest, p);
  return largest * power_of(sum, 1 / p);
}

void dualize(std::span<double> x, double p) {
  const double largest = largest_magnitude(x);
  if (p == 1) {
    const auto at =
        std::max_element(x.begin(), x.end(), [](double a, double b) { return std::fabs(a) < std::fabs(b); });
    const double sign = *at < 0 ? -1 : 1;
    const std::ptrdiff_t index = at - x.begin();
    std::fill(x.begin(), x.end(), 0.0);
    x[static_cast<std::size_t>(index)] = sign;
    return;
  }
  if (p == kInfinity) {
    for (double& value : x) value = value < 0 ? -1 : 1;
    return;
  }
  if (largest == 0) {
    std::fill(x.begin(), x.end(), 0.0);
    if (!x.empty()) x[0] = 1;
    return;
  }
  for (double& value : x) {
    const double relative = std::isfinite(value) ? value / largest : 0;
    value = std::copysign(power_of(std::fabs(relative), 1 / (p - 1)), relative);
  }
  const double length = approximate_norm(x, p);
  for (double& value : x) value /= length;
}

MixedVectors mix(const Products& a, double p, double q, std::int64_t rank, int steps, RandomState& random,
                 Context& context) {
  MixedVectors mixed;
  const std::int64_t k = std::max<std::int64_t>(rank, 1);
  Matrix<double> v(a.columns, k);
  Matrix<double> u(a.rows, k);
  random = fill_normal(random, v.values());
  dualize_rows(v, p, mixed.of_columns);
  mixed.of_rows.assign(static_cast<std::size_t>(a.rows), 1.0);
  for (int i = 0; i < steps; ++i) {
    context.check_cancel();
    a.forward(std::as_const(v).view(), u.view());
    dualize_rows(u, conjugate(q), mixed.of_rows);
    a.adjoint(std::as_const(u).view(), v.view());
    dualize_rows(v, p, mixed.of_columns);
  }
  mixed.vectors = std::move(v);
  return mixed;
}

// for t = 0, 1/path, 2/path, ...: two steps at the exponents between 2 -> 2 and p -> q;  a few steps at p -> q;
// the best column alone, while it grows
Ascent ascend(const Products& a, double p, double q, Matrix<double> starts, int path, int most, Context& context) {
  constexpr int kStepsEach = 2;
  constexpr int kStepsAfter = 10;
  constexpr int kStepsWithoutGrowth = 3;
  Matrix<double> x = std::move(starts);
  Matrix<double> y(a.rows, x.columns());
  const int way = path * kStepsEach;
  for (int i = 0; i < way + kStepsAfter; ++i) {
    context.check_cancel();
    const int stage = i / kStepsEach;
    const double t = i < way ? static_cast<double>(stage) / path : 1;
    step(a, t < 1 ? 1 / (0.5 + (1 / p - 0.5) * t) : p, t < 1 ? 1 / (0.5 + (1 / q - 0.5) * t) : q, x, y, context);
  }
  a.forward(std::as_const(x).view(), y.view());
  std::int64_t best = 0;
  double value = -1;
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    const double quotient = approximate_norm(y.column(j), q) / approximate_norm(x.column(j), p);
    if (quotient > value) {
      value = quotient;
      best = j;
    }
  }
  Ascent result{std::vector<double>(x.column(best).begin(), x.column(best).end()), value};
  Matrix<double> one(a.columns, 1);
  Matrix<double> image(a.rows, 1);
  std::ranges::copy(result.x, one.values().begin());
  for (int i = 0, without = 0; i < most && without < kStepsWithoutGrowth; ++i) {
    context.check_cancel();
    step(a, p, q, one, image, context);
    a.forward(std::as_const(one).view(), image.view());
    const double quotient = approximate_norm(image.values(), q) / approximate_norm(one.values(), p);
    without = quotient > result.value * (1 + 1e-15) ? 0 : without + 1;
    if (!(quotient > result.value)) continue;
    result.value = quotient;
    std::ranges::copy(one.values(), result.x.begin());
  }
  return result;
}

}  // namespace sigmax::norms
