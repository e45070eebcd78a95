#include "sigmax/bounds/duality.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/bounds/sparse_sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {
namespace {

// Numbers of X and Y up to here: sums of their products stay far from overflow, and what underflow takes from a sum of
// n products of them with data of ordinary size is below n 2^-990.
constexpr double kOrdinary = 0x1p60;
constexpr double kGapUnderflow = 0x1p-990;

bool are_ordinary(std::span<const double> x) {
  return std::all_of(x.begin(), x.end(), [](double value) { return std::fabs(value) <= kOrdinary; });
}

bool are_ordinary(const Factors& x) {
  for (std::int64_t k = 0; k < x.u.columns; ++k) {
    if (!are_ordinary(x.u.column(k)) || !are_ordinary(x.v.column(k))) return false;
  }
  return are_ordinary(x.sigma);
}

void check(Shape shape, const Factors& x) {
  const auto r = static_cast<std::int64_t>(x.sigma.size());
  if (x.u.rows == shape.rows && x.v.rows == shape.columns && x.u.columns == r && x.v.columns == r) return;
  throw Error(fmt::format("[duality] U of {}x{}, {} values and V of {}x{} do not make a {}x{} matrix", x.u.rows,
                          x.u.columns, r, x.v.rows, x.v.columns, shape.rows, shape.columns));
}

double at_least_norm(std::span<const double> x) {
  const NormRange range = norm_range(x);
  return std::ldexp(range.upper, range.exponent);
}

// At least |X|_*.
double nuclear(const Factors& x) {
  double sum = 0;
  for (std::int64_t k = 0; k < x.u.columns; ++k) {
    sum += round_up(std::fabs(x.sigma[static_cast<std::size_t>(k)]) * at_least_norm(x.u.column(k)) *
                    at_least_norm(x.v.column(k)));
  }
  return round_up(sum * (1 + gamma(x.u.columns)));
}

// U diag(sigma), each entry rounded once, and the magnitudes of it and V: with them, an entry of X is a sum of r
// products with an error of at most gamma_{r+1} times the sum of their magnitudes.
struct Rounded {
  Matrix<double> w;
  Matrix<double> w_magnitude;
  Matrix<double> v_magnitude;
};

Rounded rounded(const Factors& x) {
  Rounded result{Matrix<double>(x.u.rows, x.u.columns), Matrix<double>(x.u.rows, x.u.columns),
                 Matrix<double>(x.v.rows, x.v.columns)};
  for (std::int64_t k = 0; k < x.u.columns; ++k) {
    for (std::int64_t i = 0; i < x.u.rows; ++i) {
      result.w(i, k) = x.u.column(k)[static_cast<std::size_t>(i)] * x.sigma[static_cast<std::size_t>(k)];
      result.w_magnitude(i, k) = std::fabs(result.w(i, k));
    }
    for (std::int64_t j = 0; j < x.v.rows; ++j) {
      result.v_magnitude(j, k) = std::fabs(x.v.column(k)[static_cast<std::size_t>(j)]);
    }
  }
  return result;
}

// At least |m - x| where x was computed with r terms of magnitude at most `size` in all (itself computed): two more
// roundings for the difference, and underflow.
double at_least_misfit(double m, double x, double size, double of_terms) {
  return round_up(std::fabs(m - x) + of_terms * size) + kGapUnderflow;
}

double factor_of_terms(std::int64_t r) { return round_up(gamma(r + 2) * (1 + gamma(r + 2))); }

// Sums over pieces of a fixed length, added in order. body(first, last) gives the sums of one piece.
struct Sums {
  double first = 0;
  double second = 0;
};

Sums summed(std::int64_t count, Context& context, const std::function<Sums(std::int64_t, std::int64_t)>& body) {
  constexpr std::int64_t kPiece = std::int64_t{1} << 14;
  std::vector<Sums> all(static_cast<std::size_t>((count + kPiece - 1) / kPiece));
  context.parallel_for(all.size(), [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kPiece;
    all[piece] = body(first, std::min(first + kPiece, count));
  });
  Sums total;
  for (const Sums& each : all) {
    total.first += each.first;
    total.second += each.second;
  }
  return total;
}

// At least sum (m - x)^2 over the observed entries.
double squared_misfit(const SparseMatrix& m, const Factors& x, Context& context) {
  const Rounded r = rounded(x);
  std::vector<double> entries(m.values.size());
  std::vector<double> sizes(m.values.size());
  const kernels::CompressedRows places = m.pattern->by_rows();
  kernels::sampled_product(places, r.w.view(), x.v, entries, context);
  kernels::sampled_product(places, r.w_magnitude.view(), r.v_magnitude.view(), sizes, context);
  const double of_terms = factor_of_terms(x.u.columns);
  const auto count = static_cast<std::int64_t>(m.values.size());
  const Sums sums = summed(count, context, [&](std::int64_t first, std::int64_t last) {
    Sums piece;
    for (auto e = static_cast<std::size_t>(first); e < static_cast<std::size_t>(last); ++e) {
      const double misfit = at_least_misfit(m.values[e], entries[e], sizes[e], of_terms);
      piece.first += misfit * misfit;
    }
    return piece;
  });
  // Squares that underflow lose 2^-1075 each.
  return round_up(sums.first * (1 + gamma(count + 2)) + static_cast<double>(count) * 0x1p-1074);
}

// At least sum |m_ij - l_ij|.
double absolute_misfit(MatrixView<const double> m, const Factors& l, Context& context) {
  const Rounded r = rounded(l);
  const double of_terms = factor_of_terms(l.u.columns);
  // One column of M at a time: an entry of L is a sum over the terms in their order.
  std::vector<double> sums(static_cast<std::size_t>(m.columns));
  context.parallel_for(sums.size(), [&](std::size_t j) {
    std::vector<double> entries(static_cast<std::size_t>(m.rows));
    std::vector<double> sizes(entries.size());
    for (std::int64_t k = 0; k < l.u.columns; ++k) {
      const double v = l.v.column(k)[j];
      const std::span<const double> w = r.w.column(k);
      for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i] += w[i] * v;
        sizes[i] += std::fabs(w[i] * v);
      }
    }
    const std::span<const double> column = m.column(static_cast<std::int64_t>(j));
    double sum = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) sum += at_least_misfit(column[i], entries[i], sizes[i], of_terms);
    sums[j] = sum;
  });
  double sum = 0;
  for (const double each : sums) sum += each;
  return round_up(sum * (1 + gamma(m.rows + m.columns)));
}

// <Y, M> from below, and |Y|_F^2 from above.
struct DualSums {
  double product = 0;
  double square = 0;
};

DualSums dual_sums(std::span<const double> y, std::span<const double> m, Context& context) {
  const auto count = static_cast<std::int64_t>(y.size());
  const Sums sums = summed(count, context, [&](std::int64_t first, std::int64_t last) {
    Sums piece;
    for (auto e = static_cast<std::size_t>(first); e < static_cast<std::size_t>(last); ++e) {
      const double term = y[e] * m[e];
      piece.first += term;
      piece.second += std::fabs(term);
    }
    return piece;
  });
  // |computed - exact| <= gamma_n sum |y m|; underflow, and what scaling took from m, is below n 2^-990.
  const double error =
      round_up(gamma(count + 2) * (sums.second * (1 + gamma(count + 2))) + static_cast<double>(count) * kGapUnderflow);
  const double length = at_least_norm(y);
  return {round_down(larger_of(sums.first - error, 0.0)), round_up(length * length)};
}

struct DualValue {
  double value = 0;
  double failure = 0;  ///< of the upper end of sigma_max(Y)
};

// 2^exponent times the ends. A lower end beyond the range of double is its largest number.
Optimum optimum(double upper, const DualValue& dual, double misfit, std::int64_t exponent) {
  const auto lower_end = [&](double value) {
    return dual.failure > 0 && value > 0 ? Proof::probabilistic_lower(value, dual.failure) : Proof::lower(value);
  };
  const auto ends = [&](double low, double high) {
    return Proof::enclosure(lower_end(low), std::isfinite(high) ? std::optional(Proof::proven(high)) : std::nullopt);
  };
  const Enclosure here = ends(dual.value, upper);
  if (exponent == 0) return {here, here.relative_width(), misfit};
  const double low = smaller_of(round_down(times_power(dual.value, exponent)), std::numeric_limits<double>::max());
  const double high = upper == 0 ? 0 : round_up(times_power(upper, exponent));
  return {ends(low, high), here.relative_width(), misfit};
}

// The upper end of sigma_max(Y), if there is one, and its failure probability.
std::optional<UpperBound> norm_of(const SparseMatrix& y, const CertifyOptions& options, Context& context) {
  return sigma_max(y, options, context).upper;
}

bool is_zero(std::span<const double> y) {
  return std::all_of(y.begin(), y.end(), [](double value) { return value == 0; });
}

void require_lambda(double lambda) {
  if (!(lambda >= 0x1p-900 && lambda <= 0x1p900)) {
    throw Error(fmt::format("[duality] lambda must be between 2^-900 and 2^900, got {}", lambda));
  }
}

void require_values(const SparseMatrix& m, std::span<const double> y) {
  if (y.size() != m.values.size()) {
    throw Error(fmt::format("[duality] {} dual values for {} observed entries", y.size(), m.values.size()));
  }
}

// A zero matrix as its own answer: the one case in which no allowance for rounding is due.
bool is_zero(std::span<const double> m, const Factors& x, std::int64_t exponent) {
  return exponent == 0 && is_zero(m) && is_zero(x.sigma);
}

Optimum zero_optimum() { return {Proof::enclosure(Proof::lower(0), Proof::proven(0)), 0, 0}; }

// The number of nonzero rows or columns that a matrix on the pattern can have, whichever is smaller.
double most_rank(const SparsePattern& pattern) {
  const Shape shape = pattern.shape();
  return static_cast<double>(std::min(shape.rows - pattern.empty_rows(), shape.columns - pattern.empty_columns()));
}

}  // namespace

// c Y satisfies the constraint for 0 <= c <= lambda / sigma_max(Y), and has the value c <Y, M> - c^2 |Y|^2 / 2, largest
// at c = <Y, M> / |Y|^2.
Optimum least_squares_optimum(const SparseMatrix& m, double lambda, const Factors& x, std::span<const double> y,
                              std::int64_t exponent, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(m.pattern->shape(), x);
  require_values(m, y);
  require_lambda(lambda);
  if (is_zero(m.values, x, exponent)) return zero_optimum();
  double square = kInfinity;
  double upper = kInfinity;
  if (are_ordinary(x)) {
    square = squared_misfit(m, x, context);
    upper = round_up(square / 2 + lambda * nuclear(x));
  }
  DualValue dual;
  if (are_ordinary(y) && !is_zero(y)) {
    const auto norm = norm_of(SparseMatrix(m.pattern, {y.begin(), y.end()}), options, context);
    const DualSums sums = dual_sums(y, m.values, context);
    if (norm && norm->value() > 0) {
      const double c = smaller_of(round_down(lambda / norm->value()), sums.product / sums.square);
      const double gain = round_down(c * sums.product) - round_up(c * c * sums.square / 2);
      dual = {round_down(larger_of(gain, 0.0)), norm->failure_probability()};
    }
  }
  return optimum(upper, dual, round_up(std::sqrt(square)), 2 * exponent);
}

Optimum completion_optimum(const SparseMatrix& m, const Factors& x, std::span<const double> y, std::int64_t exponent,
                           const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(m.pattern->shape(), x);
  require_values(m, y);
  if (is_zero(m.values, x, exponent)) return zero_optimum();
  double misfit = kInfinity;
  double upper = kInfinity;
  if (are_ordinary(x)) {
    misfit = m.values.empty() ? 0 : round_up(std::sqrt(squared_misfit(m, x, context)));
    upper = round_up(nuclear(x) + std::sqrt(most_rank(*m.pattern)) * misfit);
  }
  DualValue dual;
  if (are_ordinary(y) && !is_zero(y)) {
    const auto norm = norm_of(SparseMatrix(m.pattern, {y.begin(), y.end()}), options, context);
    const DualSums sums = dual_sums(y, m.values, context);
    if (norm && norm->value() > 0) {
      dual = {round_down(sums.product / norm->value()), norm->failure_probability()};
    }
  }
  return optimum(upper, dual, misfit, exponent);
}

// c Y satisfies both constraints for c = min(1 / sigma_max(Y), lambda / max |y_ij|).
Optimum robust_pca_optimum(MatrixView<const double> m, double lambda, const Factors& l, MatrixView<const double> y,
                           std::int64_t exponent, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check({m.rows, m.columns}, l);
  require_lambda(lambda);
  if (m.stride != m.rows || y.stride != y.rows || y.rows != m.rows || y.columns != m.columns) {
    throw Error(fmt::format("[duality] M, {}x{}, and Y, {}x{}, must have the same shape and no gaps", m.rows, m.columns,
                            y.rows, y.columns));
  }
  const auto size = static_cast<std::size_t>(m.rows * m.columns);
  if (is_zero({m.data, size}, l, exponent)) return zero_optimum();
  double upper = kInfinity;
  if (are_ordinary(l)) {
    upper = round_up(nuclear(l) + lambda * absolute_misfit(m, l, context));
  }
  DualValue dual;
  const std::span<const double> values(y.data, size);
  if (are_ordinary(values) && !is_zero(values)) {
    const auto norm = sigma_max(Tensor::view_of(values, {y.rows, y.columns}, {1, y.rows}), options, context).upper;
    double largest = 0;
    for (const double value : values) largest = larger_of(largest, std::fabs(value));
    if (norm && norm->value() > 0) {
      const double c = round_down(smaller_of(1 / norm->value(), lambda / largest));
      const DualSums sums = dual_sums(values, std::span<const double>(m.data, size), context);
      dual = {round_down(c * sums.product), norm->failure_probability()};
    }
  }
  return optimum(upper, dual, 0, exponent);
}

}  // namespace sigmax::bounds
