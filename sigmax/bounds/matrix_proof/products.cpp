#include "sigmax/bounds/matrix_proof/products.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "sigmax/bounds/matrix_proof/scanned_sums.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/multiply.hpp"

namespace sigmax::bounds {
namespace {

// sum_j |a_ij|, for each i.
std::vector<double> row_sums(const Matrix<double>& a) {
  std::vector<double> sums(static_cast<std::size_t>(a.rows()));
  for (std::int64_t j = 0; j < a.columns(); ++j) {
    const std::span<const double> column = a.column(j);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += std::fabs(column[i]);
  }
  return sums;
}

// X = H + L exactly: each column of H is a multiple of 2^(e - bits), 2^e a power of two above its largest entry, and at
// most 2^e. `least` becomes the least exponent e; below -900 the parts are of no use.
std::pair<Matrix<double>, Matrix<double>> split(const Matrix<double>& x, int bits, int& least) {
  Matrix<double> high(x.rows(), x.columns());
  Matrix<double> low(x.rows(), x.columns());
  least = std::numeric_limits<int>::max();
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    double largest = 0;
    for (const double value : x.column(j)) largest = larger_of(largest, std::fabs(value));
    if (largest == 0) continue;
    const int exponent = std::ilogb(largest) + 1;
    least = std::min(least, exponent);
    const double up = std::ldexp(1.0, bits - exponent);
    const double down = std::ldexp(1.0, exponent - bits);
    // To the nearest integer, for numbers of at most 2^51; what underflows is rounded to 0.
    constexpr double kInteger = 0x1.8p52;
    for (std::int64_t i = 0; i < x.rows(); ++i) {
      const double value = x(i, j);
      high(i, j) = ((value * up + kInteger) - kInteger) * down;
      low(i, j) = value - high(i, j);
    }
  }
  return {std::move(high), std::move(low)};
}

}  // namespace

NormBounds operator+(const NormBounds& a, const NormBounds& b) {
  return {round_up(a.one + b.one), round_up(a.inf + b.inf), round_up(a.frobenius + b.frobenius)};
}
NormBounds operator*(double factor, const NormBounds& a) {
  return {round_up(factor * a.one), round_up(factor * a.inf), round_up(factor * a.frobenius)};
}
// Bounds of the product: each of the three norms is submultiplicative.
NormBounds operator*(const NormBounds& a, const NormBounds& b) {
  return {round_up(a.one * b.one), round_up(a.inf * b.inf), round_up(a.frobenius * b.frobenius)};
}
NormBounds everywhere(double value) { return {value, value, value}; }

// One scan of the matrix, whose columns are the rows of what is stored.
NormBounds norm_bounds(const Matrix<double>& a, Context& context) {
  const kernels::StoredMatrix stored = stored_matrix(a.values().data(), a.columns(), a.rows());
  const kernels::Scan facts = kernels::scan(stored, context);
  if (!facts.finite()) return everywhere(std::numeric_limits<double>::infinity());
  const auto upper = [](const Enclosure& norm) {
    return norm.upper ? norm.upper->value() : std::numeric_limits<double>::infinity();
  };
  return {upper(scanned_row_sum(stored, facts, false)), upper(scanned_column_sum(stored, facts, false)),
          upper(scanned_frobenius(stored, facts))};
}

// The row sums are |A|^T (|B| 1), the column sums |B|^T (|A| 1).
NormBounds magnitude_bounds(const Matrix<double>& a, const Matrix<double>& b, Context& context) {
  const auto largest_sum = [](const Matrix<double>& m, const std::vector<double>& weights) {
    double largest = 0;
    for (std::int64_t j = 0; j < m.columns(); ++j) {
      double sum = 0;
      const std::span<const double> column = m.column(j);
      for (std::size_t i = 0; i < weights.size(); ++i) sum += std::fabs(column[i]) * weights[i];
      largest = larger_of(largest, sum);
    }
    return largest;
  };
  const double slack = 1 + gamma(a.rows() + a.columns() + 2);
  return {round_up(largest_sum(b, row_sums(a)) * slack + kUnderflow),
          round_up(largest_sum(a, row_sums(b)) * slack + kUnderflow),
          round_up(norm_bounds(a, context).frobenius * norm_bounds(b, context).frobenius)};
}

std::optional<Product> split_product(const Matrix<double>& a, const Matrix<double>& b, double alpha, double diagonal,
                                     Context& context) {
  const int bits = (53 - static_cast<int>(std::ceil(std::log2(static_cast<double>(a.rows() + 1))))) / 2;
  int least_a = 0;
  int least_b = 0;
  const auto [a1, a2] = split(a, bits, least_a);
  const auto [b1, b2] = split(b, bits, least_b);
  if (least_a < -900 || least_b < -900 || least_a + least_b < -900) return std::nullopt;
  Product result{Matrix<double>(a.columns(), b.columns()), {}};
  multiply_add(alpha, a1, true, b1, 0, result.value, context);
  if (diagonal != 0) {
    for (std::int64_t i = 0; i < a.columns(); ++i) result.value(i, i) += diagonal;
  }
  const NormBounds first = norm_bounds(result.value, context);
  multiply_add(alpha, a2, true, b1, 1, result.value, context);
  multiply_add(alpha, a, true, b2, 1, result.value, context);
  const double unit = round_up(gamma(a.rows() + 2) * (1 + gamma(a.rows() + 2)));
  const NormBounds terms = 2 * first + 2 * magnitude_bounds(a2, b1, context) + magnitude_bounds(a, b2, context);
  result.error = unit * terms + everywhere(2 * kUnderflow);
  return result;
}

}  // namespace sigmax::bounds
