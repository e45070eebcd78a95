#include "sigmax/bounds/matrix_proof/definite.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/shifted_gram.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {

double frobenius_above(const Matrix<double>& a) {
  const NormRange norm = norm_range(a.values());
  return std::ldexp(norm.upper, norm.exponent);
}

double two_norm_above(const Matrix<double>& a) {
  std::vector<double> rows(static_cast<std::size_t>(a.rows()));
  double one = 0;
  for (std::int64_t j = 0; j < a.columns(); ++j) {
    double sum = 0;
    for (std::int64_t i = 0; i < a.rows(); ++i) {
      rows[static_cast<std::size_t>(i)] += std::fabs(a(i, j));
      sum += std::fabs(a(i, j));
    }
    one = larger_of(one, sum);
  }
  double inf = 0;
  for (const double sum : rows) inf = larger_of(inf, sum);
  const double slack = 1 + gamma(std::max(a.rows(), a.columns()) + 2);
  const double schur = round_up(std::sqrt(round_up(one * slack)) * std::sqrt(round_up(inf * slack)));
  return smaller_of(frobenius_above(a), schur);
}

double two_norm_below(const Matrix<double>& a) {
  if (a.empty()) return 0;
  Matrix<double> v(a.columns(), 1);
  const Matrix<double> basis = lapack::symmetric_eigen(lapack::product(a, a, true)).vectors;
  std::ranges::copy(basis.column(a.columns() - 1), v.values().begin());
  const Matrix<double> image = lapack::product(a, v);
  const NormRange length = norm_range(image.values());
  const double least = std::ldexp(length.lower, length.exponent) - product_error(a, v);
  return least > 0 ? round_down(least / frobenius_above(v)) : 0.0;
}

double product_error(const Matrix<double>& a, const Matrix<double>& b) {
  const double terms = static_cast<double>(a.columns());
  const double entries = static_cast<double>(a.rows()) * static_cast<double>(b.columns());
  return round_up(gamma(a.columns()) * frobenius_above(a) * frobenius_above(b) + (terms + 1) * entries * 0x1p-1074);
}

Matrix<double> symmetrized(const Matrix<double>& s) {
  Matrix<double> result(s.rows(), s.columns());
  for (std::int64_t j = 0; j < s.columns(); ++j) {
    for (std::int64_t i = 0; i < s.rows(); ++i) result(i, j) = 0.5 * (s(i, j) + s(j, i));
  }
  return result;
}

// S - guess I = L L^T - (rounding errors), at least -rounding: shift() bounds both those of the diagonal and those of
// the factorization.
std::optional<double> smallest_eigenvalue_above(const Matrix<double>& s, double guess, Context& context) {
  if (!blas_supports_proofs() || !std::isfinite(guess)) return std::nullopt;
  const std::int64_t n = s.rows();
  GramMatrix g{n, n, 1, false, context.scratch<double>(static_cast<std::size_t>(n * n)), Triangles::both};
  std::ranges::copy(s.values(), g.values.begin());
  const std::vector<double> diagonal = take_diagonal(g);
  const double rounding = shift(g, diagonal, 1, -guess, context);
  if (!cholesky(g.values.data(), n, context)) return std::nullopt;
  const double value = guess - rounding;
  return value > 0 ? round_down(value) : -round_up(-value);
}

double sharp_two_norm_above(const Matrix<double>& a, Context& context) {
  const double plain = two_norm_above(a);
  if (a.empty() || !(plain > 0x1p-300)) return plain;
  const Matrix<double> gram = symmetrized(lapack::product(a, a, true));
  const double error = round_up(product_error(lapack::transposed(a.view()), a) + kUnitRoundoff * frobenius_above(gram));
  Matrix<double> negative = gram;
  for (double& value : negative.values()) value = -value;
  const double top = lapack::symmetric_eigen(gram).values.back();
  const double n = static_cast<double>(a.columns());
  for (double slack = n * n * 0x1p-52 + 0x1p-46; slack < 0.1; slack *= 8) {
    const std::optional<double> below = smallest_eigenvalue_above(negative, -top * (1 + slack), context);
    if (below) return smaller_of(plain, round_up(std::sqrt(round_up(-*below + error))));
  }
  return plain;
}

}  // namespace sigmax::bounds
