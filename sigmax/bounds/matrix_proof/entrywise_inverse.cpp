#include "sigmax/bounds/matrix_proof/entrywise_inverse.hpp"

#include <cmath>
#include <utility>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {
namespace {

// y += |M| w, column by column; an error of gamma_{n+1} relative to the result.
void add_absolute_product(const Matrix<double>& m, std::span<const double> w, std::vector<double>& y) {
  for (std::int64_t j = 0; j < m.columns(); ++j) {
    const std::span<const double> column = m.column(j);
    const double weight = w[static_cast<std::size_t>(j)];
    for (std::size_t i = 0; i < column.size(); ++i) y[i] += std::fabs(column[i]) * weight;
  }
}

}  // namespace

double EntrywiseInverse::beyond(std::span<const double> w) const {
  double sum = 0;
  for (std::size_t j = 0; j < column.size(); ++j) sum += column[j] * w[j];
  const auto n = static_cast<std::int64_t>(column.size());
  return round_up(round_up(sum * (1 + gamma(n + 1))) / round_down(1 - alpha));
}

// |fl(X A) - X A| <= gamma_n |X| |A|, and n 2^-1074 for products that underflow, entry by entry. The
// matrix may stand for one whose entries are within 2^-1074, where they underflowed when it was brought into range. So
//
//     f_i <= sum_j |delta_ij - c_ij| + gamma_n (|X| |A| e)_i + n (n + sum_j max_i |x_ij|) 2^-1073.
std::optional<EntrywiseInverse> entrywise_inverse(const Matrix<double>& a) {
  if (!blas_supports_proofs()) return std::nullopt;
  std::optional<Matrix<double>> x = lapack::inverse(a);
  if (!x) return std::nullopt;
  const std::int64_t n = a.rows();
  const auto count = static_cast<std::size_t>(n);
  EntrywiseInverse result;
  result.x = std::move(*x);
  const Matrix<double> c = lapack::product(result.x, a);
  const std::vector<double> ones(count, 1.0);
  std::vector<double> row_sums(count), sizes(count);
  add_absolute_product(a, ones, row_sums);
  add_absolute_product(result.x, row_sums, sizes);
  result.defect.assign(count, 0.0);
  for (std::int64_t j = 0; j < n; ++j) {
    double largest = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      result.defect[static_cast<std::size_t>(i)] += std::fabs((i == j ? 1.0 : 0.0) - c(i, j));
      largest = larger_of(largest, std::fabs(result.x(i, j)));
    }
    result.column.push_back(largest);
  }
  double widest = 0;
  for (const double largest : result.column) widest += largest;
  const double underflow = static_cast<double>(n) * (static_cast<double>(n) + round_up(widest)) * 0x1p-1073;
  for (std::size_t i = 0; i < count; ++i) {
    double& f = result.defect[i];
    f = round_up(f * (1 + gamma(n + 2)) + gamma(n) * (1 + gamma(2 * n + 4)) * sizes[i] + underflow);
    result.alpha = larger_of(result.alpha, f);
  }
  // Not true for NaN either.
  if (!(result.alpha < 0.999)) return std::nullopt;
  return result;
}

}  // namespace sigmax::bounds
