#include "sigmax/bounds/linear_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/matrix_proof/entrywise_inverse.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/residual.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/square.hpp"

namespace sigmax::bounds {
namespace {

void require_system(const char* who, const Matrix<double>& a, std::span<const double> x, std::span<const double> b) {
  if (a.empty()) throw Error(fmt::format("[{}] the matrix is empty, {}x{}", who, a.rows(), a.columns()));
  if (std::ssize(x) != a.columns() || std::ssize(b) != a.rows()) {
    throw Error(fmt::format("[{}] a {}x{} matrix takes x of {} and b of {} entries, got {} and {}", who, a.rows(),
                            a.columns(), a.columns(), a.rows(), x.size(), b.size()));
  }
  require_finite(a.values(), who, "the matrix");
  require_finite(x, who, "x");
  require_finite(b, who, "b");
}

int exponent_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = larger_of(largest, std::fabs(value));
  return largest == 0 ? 0 : std::ilogb(largest) + 1;
}

// 2^-exponent A: the largest entry in [1/2, 1).
Matrix<double> brought_into_range(const Matrix<double>& a, int exponent) {
  Matrix<double> result(a.rows(), a.columns());
  std::ranges::transform(a.values(), result.values().begin(),
                         [&](double value) { return std::ldexp(value, -exponent); });
  return result;
}

// Ends that were moved by ldexp: exact except for underflow, which round_up and round_down cover.
Enclosure enclosure_of(double lower, double upper) {
  return Proof::enclosure(Proof::lower(smaller_of(lower, kLargest)), Proof::proven(upper));
}

// The 2-norm of value -+ radius in units of 2^exponent: |value|_2 -+ |radius|_2.
Enclosure norm_in_units(const Residual& r) {
  const NormRange middle = norm_range(r.value);
  const NormRange loose = norm_range(r.radius);
  const double width = std::ldexp(loose.upper, loose.exponent);
  const double least = std::ldexp(middle.lower, middle.exponent) - width;
  const bool exact = loose.upper == 0 && middle.upper == 0;
  return enclosure_of(least > 0 ? round_down(least) : 0.0,
                      exact ? 0.0 : round_up(std::ldexp(middle.upper, middle.exponent) + width));
}

// |x|_2 2^-exponent.
Enclosure norm_of(std::span<const double> x, std::int64_t exponent) {
  const NormRange norm = norm_range(x);
  if (norm.upper == 0) return enclosure_of(0, 0);
  return enclosure_of(round_down(times_power(norm.lower, norm.exponent - exponent)),
                      round_up(times_power(norm.upper, norm.exponent - exponent)));
}

}  // namespace

ResidualNorm residual_norm(const Matrix<double>& a, std::span<const double> x, std::span<const double> b) {
  const FloatingEnvironment environment;
  require_system("residual_norm", a, x, b);
  const Residual r = in_one_unit(residual_rows(a, x, b));
  return {norm_in_units(r), r.exponent};
}

// With A = 2^p A', x = 2^q x', b = 2^s b' of norms around 1 and c = max(p + q, s): the quotient of |r| 2^-c and
// |A'| |x'| 2^(p + q - c) + |b'| 2^(s - c).
BackwardErrors backward_errors(const Matrix<double>& a, std::span<const double> x, std::span<const double> b,
                               const Enclosure& norm_of_a) {
  const FloatingEnvironment environment;
  require_system("backward_errors", a, x, b);
  const ResidualRows rows = residual_rows(a, x, b);
  double lower = 0;
  double upper = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (rows.most[i] == 0) continue;
    const double size = std::fabs(rows.value[i]);
    const double least = size - rows.radius[i];
    if (least > 0) lower = larger_of(lower, round_down(least / rows.most[i]));
    const double most = rows.least[i] > 0 ? round_up((size + rows.radius[i]) / rows.least[i]) : 1.0;
    upper = larger_of(upper, smaller_of(most, 1.0));
  }
  const Residual r = in_one_unit(rows);
  const int p = exponent_of(a.values());
  const int q = exponent_of(x);
  const bool only_b = norm_range(x).upper == 0;
  const std::int64_t s = exponent_of(b);
  const std::int64_t c = only_b ? s : std::max<std::int64_t>(std::int64_t{p} + q, s);
  const Enclosure product_size = product(scaled(norm_of_a, -std::int64_t{p}), norm_of(x, q));
  Enclosure size = norm_of(b, c);
  if (!only_b)
    size = sum(size, product(product_size,
                             enclosure_of(round_down(times_power(1, p + q - c)), round_up(times_power(1, p + q - c)))));
  const Enclosure residual = norm_in_units(r);
  const double unit = times_power(1, r.exponent - c);
  const Enclosure numerator = product(residual, enclosure_of(round_down(unit), round_up(unit)));
  const bool nothing = !residual.upper || residual.upper->value() == 0;
  Enclosure normwise = nothing ? enclosure_of(0, 0) : tighter(quotient(numerator, size), enclosure_of(0, 1));
  return {normwise, enclosure_of(smaller_of(lower, upper), upper)};
}

std::optional<SolutionError> solution_error(const Matrix<double>& a, std::span<const double> x,
                                            std::span<const double> b, Context& context) {
  const FloatingEnvironment environment;
  require_system("solution_error", a, x, b);
  require_square("solution_error", a);
  context.check_cancel();
  const SerialBlas serial;
  const int p = exponent_of(a.values());
  const std::optional<EntrywiseInverse> inverse = entrywise_inverse(brought_into_range(a, p));
  if (!inverse) return std::nullopt;
  // y - x = A'^-1 r 2^-p, and r = value 2^exponent -+ radius 2^exponent. z = X value, and around it
  // gamma_{n+1} |X| |value| + |X| radius.
  const Residual r = in_one_unit(residual_rows(a, x, b));
  const std::size_t n = x.size();
  std::vector<double> z(n), around(n);
  const auto count = static_cast<std::int64_t>(n);
  const double rounding = gamma(count + 1);
  for (std::size_t j = 0; j < n; ++j) {
    const std::span<const double> column = inverse->x.column(static_cast<std::int64_t>(j));
    const double loose = rounding * std::fabs(r.value[j]) + r.radius[j];
    for (std::size_t i = 0; i < n; ++i) {
      z[i] += column[i] * r.value[j];
      around[i] += std::fabs(column[i]) * loose;
    }
  }
  const double underflow = static_cast<double>(n) * 0x1p-1070;
  bool exact = true;
  for (std::size_t j = 0; j < n; ++j) exact = exact && r.value[j] == 0 && r.radius[j] == 0;
  std::vector<double> size(n);
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    size[i] = exact ? 0.0 : round_up(std::fabs(z[i]) + around[i] * (1 + gamma(count + 4)) + underflow);
    largest = larger_of(largest, size[i]);
  }
  const double beyond = exact ? 0.0 : round_up(largest / round_down(1 - inverse->alpha));
  const std::int64_t unit = std::int64_t{r.exponent} - p;
  SolutionError result{{}, Proof::proven(0), Proof::proven(0), Proof::proven(0)};
  std::vector<double> errors(n);
  double most = 0;
  for (std::size_t i = 0; i < n; ++i) {
    errors[i] = exact ? 0.0 : round_up(size[i] + inverse->defect[i] * beyond);
    const double moved = exact ? 0.0 : round_up(times_power(errors[i], unit));
    result.entrywise.push_back(Proof::proven(moved));
    most = larger_of(most, moved);
  }
  result.inf_norm = Proof::proven(most);
  const NormRange norm = norm_range(errors);
  result.two_norm = Proof::proven(exact ? 0.0 : round_up(times_power(norm.upper, norm.exponent + unit)));
  // |y - x| / |y| <= e / (|x| - e), in units of |x|.
  const std::int64_t q = exponent_of(x);
  const Enclosure of_x = norm_of(x, q);
  const double e = exact ? 0.0 : round_up(times_power(norm.upper, norm.exponent + unit - q));
  const double left = of_x.lower.value() - e;
  const bool small = exact || left > 0;
  result.relative = Proof::proven(exact   ? 0.0
                                  : small ? round_up(e / round_down(left))
                                          : std::numeric_limits<double>::infinity());
  return result;
}

namespace {

// max_i (|A^-1| w)_i from X: (|X| w)_i -+ f_i (c^T w) / (1 - alpha), w known between two vectors.
Enclosure largest_of_inverse(const EntrywiseInverse& inverse, std::span<const double> least,
                             std::span<const double> most) {
  const std::size_t n = most.size();
  const auto count = static_cast<std::int64_t>(n);
  std::vector<double> low(n), high(n);
  for (std::size_t j = 0; j < n; ++j) {
    const std::span<const double> column = inverse.x.column(static_cast<std::int64_t>(j));
    for (std::size_t i = 0; i < n; ++i) {
      low[i] += std::fabs(column[i]) * least[j];
      high[i] += std::fabs(column[i]) * most[j];
    }
  }
  const double beyond = inverse.beyond(most);
  double lower = 0;
  double upper = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double wide = round_up(inverse.defect[i] * beyond);
    const double below = low[i] * (1 - gamma(count + 2)) - wide;
    if (below > 0) lower = larger_of(lower, round_down(below));
    upper = larger_of(upper, round_up(high[i] * (1 + gamma(count + 2)) + wide));
  }
  return enclosure_of(lower, upper);
}

}  // namespace

std::optional<SkeelNumbers> skeel(const Matrix<double>& a, std::span<const double> x, Context& context) {
  const FloatingEnvironment environment;
  if (a.empty()) throw Error("[skeel] the matrix has no entries");
  require_square("skeel", a);
  require_finite(a.values(), "skeel", "the matrix");
  require_finite(x, "skeel", "x");
  if (!x.empty() && std::ssize(x) != a.columns()) {
    throw Error(fmt::format("[skeel] x must have {} entries, got {}", a.columns(), x.size()));
  }
  context.check_cancel();
  const SerialBlas serial;
  const Matrix<double> scaled = brought_into_range(a, exponent_of(a.values()));
  const std::optional<EntrywiseInverse> inverse = entrywise_inverse(scaled);
  if (!inverse) return std::nullopt;
  const std::size_t n = static_cast<std::size_t>(a.rows());
  const auto of = [&](const std::vector<double>& weight) {
    std::vector<double> sums(n), least(n), most(n);
    for (std::size_t j = 0; j < n; ++j) {
      const std::span<const double> column = scaled.column(static_cast<std::int64_t>(j));
      for (std::size_t i = 0; i < n; ++i) sums[i] += std::fabs(column[i]) * weight[j];
    }
    for (std::size_t i = 0; i < n; ++i) {
      // Terms may underflow, by less than 2^-1074 each.
      const double slack = gamma(a.rows() + 1);
      most[i] = round_up(sums[i] * (1 + slack));
      least[i] = round_down(sums[i] * (1 - slack) - static_cast<double>(n) * 0x1p-1074);
    }
    return largest_of_inverse(*inverse, least, most);
  };
  SkeelNumbers result{of(std::vector<double>(n, 1.0)), std::nullopt};
  const int q = exponent_of(x);
  std::vector<double> weight(n);
  double largest = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    weight[j] = std::fabs(std::ldexp(x[j], -q));
    largest = larger_of(largest, weight[j]);
  }
  if (largest > 0) result.of_solution = quotient(of(weight), enclosure_of(largest, largest));
  return result;
}

}  // namespace sigmax::bounds
