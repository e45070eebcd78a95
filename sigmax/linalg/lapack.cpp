#include "sigmax/linalg/lapack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::lapack {
namespace {

void check(const char* routine, MatrixView<const double> a, int info) {
  if (info == 0) return;
  throw Error(fmt::format("[lapack] {} failed on a {}x{} matrix, info {}", routine, a.rows, a.columns, info));
}

// Calls call(work, its size) twice: with size -1 for the required size, then for the result.
template <class Call>
void with_work(const Call& call) {
  double wanted = 0;
  int size = -1;
  call(&wanted, &size);
  std::vector<double> work(static_cast<std::size_t>(wanted) + 1);
  size = static_cast<int>(work.size());
  call(work.data(), &size);
}

// Whether a QR factorization first is less work in total: dgesdd spends half of its work on matrix-vector products,
// dgeqrf almost nothing.
bool is_long(std::int64_t longer, std::int64_t shorter) { return longer > shorter && 4 * longer >= 5 * shorter; }

Matrix<double> some_columns(const Matrix<double>& a, std::int64_t first, std::int64_t count) {
  Matrix<double> some(a.rows(), count);
  for (std::int64_t j = 0; j < count; ++j) std::ranges::copy(a.column(first + j), some.column(j).begin());
  return some;
}

}  // namespace

Qr::Qr(MatrixView<double> a) : a_(a), tau_(static_cast<std::size_t>(a.columns)) {
  if (a.rows < a.columns)
    throw Error(fmt::format("[lapack] QR takes no more columns than rows, got a {}x{} matrix", a.rows, a.columns));
  const int m = static_cast<int>(a.rows);
  const int n = static_cast<int>(a.columns);
  const int stride = static_cast<int>(a.stride);
  int info = 0;
  with_work([&](double* work, const int* size) { dgeqrf_(&m, &n, a.data, &stride, tau_.data(), work, size, &info); });
  check("dgeqrf", a, info);
}

Matrix<double> Qr::r() const {
  Matrix<double> r(a_.columns, a_.columns);
  for (std::int64_t j = 0; j < a_.columns; ++j) std::copy_n(a_.column(j).begin(), j + 1, r.column(j).begin());
  return r;
}

Matrix<double> Qr::times(MatrixView<const double> x) const {
  Matrix<double> y(a_.rows, x.columns);  // X, and zeros below it
  for (std::int64_t j = 0; j < x.columns; ++j) {
    std::copy(x.column(j).begin(), x.column(j).end(), y.column(j).begin());
  }
  const int m = static_cast<int>(a_.rows);
  const int columns = static_cast<int>(x.columns);
  const int n = static_cast<int>(a_.columns);
  const int stride = static_cast<int>(a_.stride);
  int info = 0;
  with_work([&](double* work, const int* size) {
    dormqr_("L", "N", &m, &columns, &n, a_.data, &stride, tau_.data(), y.values().data(), &m, work, size, &info);
  });
  check("dormqr", a_, info);
  return y;
}

Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b, bool adjoint) {
  Matrix<double> c(adjoint ? a.columns() : a.rows(), b.columns());
  if (c.empty() || b.empty()) return c;
  cblas_dgemm(CblasColMajor, adjoint ? CblasTrans : CblasNoTrans, CblasNoTrans, static_cast<int>(c.rows()),
              static_cast<int>(c.columns()), static_cast<int>(b.rows()), 1.0, a.values().data(),
              static_cast<int>(a.rows()), b.values().data(), static_cast<int>(b.rows()), 0.0, c.values().data(),
              static_cast<int>(c.rows()));
  return c;
}

std::vector<std::complex<double>> generalized_eigenvalues(Matrix<double> a, Matrix<double> b) {
  const int n = static_cast<int>(a.rows());
  const int one = 1;
  int info = 0;
  std::vector<double> real(static_cast<std::size_t>(n));
  std::vector<double> imaginary(real.size());
  std::vector<double> divisor(real.size());
  with_work([&](double* work, const int* size) {
    dggev_("N", "N", &n, a.values().data(), &n, b.values().data(), &n, real.data(), imaginary.data(), divisor.data(),
           nullptr, &one, nullptr, &one, work, size, &info);
  });
  check("dggev", a.view(), info);
  std::vector<std::complex<double>> finite;
  for (std::size_t i = 0; i < real.size(); ++i) {
    const std::complex<double> z(real[i] / divisor[i], imaginary[i] / divisor[i]);
    if (std::isfinite(z.real()) && std::isfinite(z.imag())) finite.push_back(z);
  }
  return finite;
}

Matrix<double> orthonormal(Matrix<double> x) {
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    const double norm = blas::norm(x.column(j));
    if (norm > 0) cblas_dscal(static_cast<int>(x.rows()), 1 / norm, x.column(j).data(), 1);
  }
  const Qr qr(x.view());
  Matrix<double> identity(x.columns(), x.columns());
  for (std::int64_t i = 0; i < x.columns(); ++i) identity(i, i) = 1;
  return qr.times(std::as_const(identity).view());
}

Matrix<double> transposed(MatrixView<const double> a) {
  constexpr std::int64_t kBlock = 32;
  Matrix<double> t(a.columns, a.rows);
  for (std::int64_t i0 = 0; i0 < a.rows; i0 += kBlock) {
    for (std::int64_t j = 0; j < a.columns; ++j) {
      for (std::int64_t i = i0; i < std::min(i0 + kBlock, a.rows); ++i) t(j, i) = a.data[i + j * a.stride];
    }
  }
  return t;
}

std::vector<double> singular_values(MatrixView<double> a) {
  const std::int64_t shorter = std::min(a.rows, a.columns);
  if (is_long(a.rows, a.columns)) {
    Matrix<double> r = Qr(a).r();
    return singular_values(r.view());
  }
  if (is_long(a.columns, a.rows)) {
    Matrix<double> t = transposed(a);
    return singular_values(t.view());
  }
  const int m = static_cast<int>(a.rows);
  const int n = static_cast<int>(a.columns);
  const int stride = static_cast<int>(a.stride);
  const int one = 1;
  int info = 0;
  std::vector<double> values(static_cast<std::size_t>(shorter));
  std::vector<int> integers(8 * values.size());
  with_work([&](double* work, const int* size) {
    dgesdd_("N", &m, &n, a.data, &stride, values.data(), nullptr, &one, nullptr, &one, work, size, integers.data(),
            &info);
  });
  check("dgesdd", a, info);
  return values;
}

namespace {

// For a matrix that is not much longer on one side.
Svd all_triplets(MatrixView<double> a) {
  const int m = static_cast<int>(a.rows);
  const int n = static_cast<int>(a.columns);
  const int least = std::min(m, n);
  const int stride = static_cast<int>(a.stride);
  Svd svd{Matrix<double>(m, least), std::vector<double>(static_cast<std::size_t>(least)), {}};
  Matrix<double> vt(least, n);
  std::vector<int> integers(static_cast<std::size_t>(8 * least));
  int info = 0;
  with_work([&](double* work, const int* size) {
    dgesdd_("S", &m, &n, a.data, &stride, svd.sigma.data(), svd.u.values().data(), &m, vt.values().data(), &least, work,
            size, integers.data(), &info);
  });
  check("dgesdd", a, info);
  svd.v = transposed(vt.view());
  return svd;
}

}  // namespace

// A = Q R, R = U_R diag(sigma) V^T, U = Q U_R for the requested columns.
Decomposition decompose(MatrixView<double> a, std::int64_t first, std::int64_t count) {
  if (a.rows < a.columns) {
    Matrix<double> t = transposed(a);
    Decomposition result = decompose(t.view(), first, count);
    std::swap(result.wanted.u, result.wanted.v);
    return result;
  }
  const auto choose = [&](Svd all, Matrix<double> u) {
    const auto begin = all.sigma.begin() + static_cast<std::ptrdiff_t>(first);
    Svd wanted{std::move(u), {begin, begin + static_cast<std::ptrdiff_t>(count)}, some_columns(all.v, first, count)};
    return Decomposition{std::move(wanted), std::move(all.sigma)};
  };
  if (!is_long(a.rows, a.columns)) {
    Svd all = all_triplets(a);
    Matrix<double> u = some_columns(all.u, first, count);
    return choose(std::move(all), std::move(u));
  }
  const Qr qr(a);
  Matrix<double> r = qr.r();
  Svd all = all_triplets(r.view());
  Matrix<double> u = qr.times(some_columns(all.u, first, count).view());
  return choose(std::move(all), std::move(u));
}

}  // namespace sigmax::lapack
