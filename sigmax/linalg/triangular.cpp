#include "sigmax/linalg/triangular.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/linalg/blas.hpp"

namespace sigmax::triangular {
namespace {

void copy(MatrixView<const double> from, MatrixView<double> to) {
  for (std::int64_t j = 0; j < from.columns; ++j) std::ranges::copy(from.column(j), to.column(j).begin());
}

}  // namespace

void solve(const Matrix<double>& r, Side side, MatrixView<double> x) {
  const int n = static_cast<int>(r.rows());
  const auto transpose = side == Side::plain ? CblasNoTrans : CblasTrans;
  for (std::int64_t j = 0; j < x.columns; ++j) {
    cblas_dtrsv(CblasColMajor, CblasUpper, transpose, CblasNonUnit, n, r.values().data(), n, x.column(j).data(), 1);
  }
}

void multiply(const Matrix<double>& r, Side side, MatrixView<double> x) {
  const int n = static_cast<int>(r.rows());
  const auto transpose = side == Side::plain ? CblasNoTrans : CblasTrans;
  for (std::int64_t j = 0; j < x.columns; ++j) {
    cblas_dtrmv(CblasColMajor, CblasUpper, transpose, CblasNonUnit, n, r.values().data(), n, x.column(j).data(), 1);
  }
}

double unit_of(const Matrix<double>& r) {
  double largest = 0;
  for (const double value : r.values()) largest = std::max(largest, std::fabs(value));
  return std::numeric_limits<double>::epsilon() * largest;
}

void lift_diagonal(Matrix<double>& r) {
  const double least = unit_of(r);
  for (std::int64_t i = 0; i < r.rows(); ++i) {
    if (std::fabs(r(i, i)) < least) r(i, i) = least;
  }
}

bool is_singular(const Matrix<double>& r) {
  Matrix<double> x(r.rows(), 1);
  for (double& value : x.values()) value = 1;
  apply_inverse(r, x.view());
  double largest = 0;
  for (const double value : x.values()) {
    if (!std::isfinite(value)) return true;
    largest = std::max(largest, std::fabs(value));
  }
  // Rounding alone may still produce a value of a thousandth of a unit of rounding.
  return std::sqrt(largest) * unit_of(r) > 1e3 * static_cast<double>(r.rows());
}

Matrix<double> regularized(const Matrix<double>& a) {
  Matrix<double> identity(a.rows(), a.rows());
  for (std::int64_t i = 0; i < a.rows(); ++i) identity(i, i) = 1;
  return without(a, identity, unit_of(a));
}

void apply_inverse(const Matrix<double>& r, MatrixView<double> x) {
  solve(r, Side::transposed, x);
  solve(r, Side::plain, x);
}

Matrix<double> without(const Matrix<double>& r, const Matrix<double>& v, double tau) {
  Matrix<double> stacked(r.rows() + v.columns(), r.columns());
  for (std::int64_t j = 0; j < r.columns(); ++j) {
    std::ranges::copy(r.column(j), stacked.column(j).begin());
    for (std::int64_t i = 0; i < v.columns(); ++i) stacked(r.rows() + i, j) = tau * v(j, i);
  }
  return lapack::Qr(stacked.view()).r();
}

void append(Matrix<double>& v, const Matrix<double>& more, std::int64_t count) {
  Matrix<double> all(more.rows(), v.columns() + count);
  copy(v.view(), all.view().column_range(0, v.columns()));
  copy(more.view().column_range(0, count), all.view().column_range(v.columns(), count));
  v = std::move(all);
}

lapack::Svd rayleigh_ritz(const Matrix<double>& r, const Matrix<double>& p, const Matrix<double>& v) {
  Matrix<double> image = v;
  multiply(r, Side::plain, image.view());
  Matrix<double> projected = lapack::product(p, image, true);
  const lapack::Decomposition small = lapack::decompose(projected.view(), 0, v.columns());
  return {lapack::product(p, small.wanted.u), small.sigma, lapack::product(v, small.wanted.v)};
}

lapack::Svd refine(const Matrix<double>& r, const Matrix<double>& v) {
  Matrix<double> p = v;
  solve(r, Side::transposed, p.view());
  return rayleigh_ritz(r, lapack::orthonormal(std::move(p)), v);
}

}  // namespace sigmax::triangular
