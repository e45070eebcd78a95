#include "sigmax/bounds/uncertain_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/multiply.hpp"

namespace sigmax::bounds {
namespace {

// What one operation loses at most to underflow: a product and a fused remainder are off by 2^-1075 each.
constexpr double kLeast = 0x1p-1073;
// Within these a product of two norms, and what gamma makes of it, is far from both ends of the range.
constexpr double kSmallest = 0x1p-700;
constexpr double kGreatest = 0x1p900;

bool is_finite(const Matrix<double>& a) {
  return std::ranges::all_of(a.values(), [](double x) { return std::isfinite(x); });
}

/// At least the norm of each column.
std::vector<double> column_norms(const Matrix<double>& a) {
  std::vector<double> norms(static_cast<std::size_t>(a.columns()));
  for (std::int64_t j = 0; j < a.columns(); ++j) {
    const NormRange range = norm_range(a.column(j));
    norms[static_cast<std::size_t>(j)] = range.upper == 0 ? 0.0 : round_up(times_power(range.upper, range.exponent));
  }
  return norms;
}

std::vector<double> row_norms(const Matrix<double>& a) { return column_norms(lapack::transposed(a.view())); }

/// For each column the one row in which value or error is not 0, -1 if there is none; nothing if a column has several.
std::optional<std::vector<std::int64_t>> only_rows(const UncertainMatrix& a) {
  const std::int64_t rows = a.value.rows();
  std::vector<std::int64_t> result(static_cast<std::size_t>(a.value.columns()), -1);
  for (std::int64_t j = 0; j < a.value.columns(); ++j) {
    for (std::int64_t i = 0; i < rows; ++i) {
      if (a.value(i, j) == 0 && (a.is_exact() || a.error(i, j) == 0)) continue;
      if (result[static_cast<std::size_t>(j)] >= 0) return std::nullopt;
      result[static_cast<std::size_t>(j)] = i;
    }
  }
  return result;
}

UncertainMatrix transposed(const UncertainMatrix& a) {
  UncertainMatrix result{lapack::transposed(a.value.view())};
  if (!a.is_exact()) result.error = lapack::transposed(a.error.view());
  return result;
}

/// At least |fl(x y) - x y|: the remainder of a product is a double unless it underflows, and so is one of 0.
double product_error(double x, double y, double product) {
  if (x == 0 || y == 0) return 0;
  const double remainder = std::fabs(std::fma(x, y, -product));
  return std::fabs(product) > 0x1p-900 ? remainder : remainder + kLeast;
}

void drop_zeros(UncertainMatrix& a) {
  if (std::ranges::all_of(a.error.values(), [](double x) { return x == 0; })) a.error = {};
}

/// A B where b has one entry a column at most, in the given rows.
std::optional<UncertainMatrix> times_sparse(const UncertainMatrix& a, const UncertainMatrix& b,
                                            const std::vector<std::int64_t>& rows) {
  const std::int64_t m = a.value.rows();
  UncertainMatrix out{Matrix<double>(m, b.value.columns()), Matrix<double>(m, b.value.columns())};
  for (std::int64_t j = 0; j < b.value.columns(); ++j) {
    const std::int64_t k = rows[static_cast<std::size_t>(j)];
    if (k < 0) continue;
    const double y = b.value(k, j);
    const double off_y = b.is_exact() ? 0.0 : b.error(k, j);
    for (std::int64_t i = 0; i < m; ++i) {
      const double x = a.value(i, k);
      const double off_x = a.is_exact() ? 0.0 : a.error(i, k);
      if ((x == 0 && off_x == 0) || (y == 0 && off_y == 0)) continue;
      out.value(i, j) = x * y;
      const double error = product_error(x, y, out.value(i, j));
      const bool exact = off_x == 0 && off_y == 0;
      out.error(i, j) = exact ? error : round_up(error + std::fabs(x) * off_y + off_x * (std::fabs(y) + off_y));
    }
  }
  if (!is_finite(out.value) || !is_finite(out.error)) return std::nullopt;
  drop_zeros(out);
  return out;
}

std::optional<UncertainMatrix> dense_product(const UncertainMatrix& a, const UncertainMatrix& b, Context& context) {
  if (!blas_supports_proofs()) return std::nullopt;
  const SerialBlas serial;
  const std::int64_t k = a.value.columns();
  const std::vector<double> rows = row_norms(a.value);
  const std::vector<double> columns = column_norms(b.value);
  const std::vector<double> row_errors = a.is_exact() ? std::vector<double>(rows.size()) : row_norms(a.error);
  const std::vector<double> column_errors = b.is_exact() ? std::vector<double>(columns.size()) : column_norms(b.error);
  const double row = *std::ranges::max_element(rows);
  const double column = *std::ranges::max_element(columns);
  if (row != 0 && column != 0 && !(row * column > kSmallest && row * column < kGreatest)) return std::nullopt;
  UncertainMatrix out{Matrix<double>(a.value.rows(), b.value.columns()),
                      Matrix<double>(a.value.rows(), b.value.columns())};
  multiply_add(1, a.value, false, b.value, 0, out.value, context);
  const double slack = gamma(k + 2);
  const double underflow = (1.5 * static_cast<double>(k) + 1) * kLeast;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if ((rows[i] == 0 && row_errors[i] == 0) || (columns[j] == 0 && column_errors[j] == 0)) continue;
      const double error = slack * rows[i] * columns[j] + rows[i] * column_errors[j] +
                           row_errors[i] * (columns[j] + column_errors[j]) + underflow;
      out.error(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)) = round_up(error);
    }
  }
  if (!is_finite(out.value) || !is_finite(out.error)) return std::nullopt;
  drop_zeros(out);
  return out;
}

}  // namespace

std::optional<UncertainMatrix> product(const UncertainMatrix& a, const UncertainMatrix& b, Context& context) {
  const FloatingEnvironment environment;
  if (a.value.empty() || b.value.empty()) return UncertainMatrix{Matrix<double>(a.value.rows(), b.value.columns())};
  if (const auto rows = only_rows(b)) return times_sparse(a, b, *rows);
  const UncertainMatrix left = transposed(a);
  if (const auto rows = only_rows(left)) {
    const auto out = times_sparse(transposed(b), left, *rows);
    if (!out) return std::nullopt;
    return transposed(*out);
  }
  return dense_product(a, b, context);
}

std::optional<UncertainMatrix> sum(UncertainMatrix a, const UncertainMatrix& b) {
  const FloatingEnvironment environment;
  if (a.is_exact()) a.error = Matrix<double>(a.value.rows(), a.value.columns());
  for (std::size_t e = 0; e < a.value.values().size(); ++e) {
    const double x = a.value.values()[e];
    const double y = b.value.values()[e];
    const double total = x + y;
    // Knuth's TwoSum: the rounding error of the sum, unless it leaves the range.
    const double part = total - x;
    const double lost = std::fabs((x - (total - part)) + (y - part));
    const double before = a.error.values()[e] + (b.is_exact() ? 0.0 : b.error.values()[e]);
    a.value.values()[e] = total;
    a.error.values()[e] = lost == 0 && before == 0 ? 0.0 : round_up(lost + before);
  }
  if (!is_finite(a.value) || !is_finite(a.error)) return std::nullopt;
  drop_zeros(a);
  return a;
}

UncertainMatrix with_relative_error(UncertainMatrix a, double relative) {
  const FloatingEnvironment environment;
  if (relative == 0) return a;
  if (a.is_exact()) a.error = Matrix<double>(a.value.rows(), a.value.columns());
  for (std::size_t e = 0; e < a.value.values().size(); ++e) {
    double& error = a.error.values()[e];
    const double size = std::fabs(a.value.values()[e]);
    if (size != 0 || error != 0) error = round_up(error + relative * (size + error));
  }
  return a;
}

bool is_within(const UncertainMatrix& a, double relative) {
  if (a.is_exact()) return true;
  const NormRange error = norm_range(a.error.values());
  const NormRange value = norm_range(a.value.values());
  return times_power(error.upper, error.exponent) <= relative * times_power(value.lower, value.exponent);
}

}  // namespace sigmax::bounds
