#include "sigmax/svd/triplets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/svd/certificate_contents.hpp"

namespace sigmax {
namespace {

void check(const char* routine, int info) {
  if (info != 0) throw Error(fmt::format("[triplets] {} failed, info {}", routine, info));
}

// A = Q R by Householder reflections, Q of min(rows, columns) columns: orthonormal whatever the rank of A.
struct QrFactors {
  Matrix<double> q;
  Matrix<double> r;
};

QrFactors qr(Matrix<double> a) {
  const int m = static_cast<int>(a.rows());
  const int n = static_cast<int>(a.columns());
  const int least = std::min(m, n);
  std::vector<double> tau(static_cast<std::size_t>(least));
  std::vector<double> work(static_cast<std::size_t>(64 * std::max(n, 1)));
  const int work_size = static_cast<int>(work.size());
  int info = 0;
  dgeqrf_(&m, &n, a.values().data(), &m, tau.data(), work.data(), &work_size, &info);
  check("dgeqrf", info);
  QrFactors factors{Matrix<double>(m, least), Matrix<double>(least, n)};
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i <= std::min(j, least - 1); ++i) factors.r(i, j) = a(i, j);
  }
  std::copy_n(a.values().begin(), factors.q.values().size(), factors.q.values().begin());
  dorgqr_(&m, &least, &least, factors.q.values().data(), &m, tau.data(), work.data(), &work_size, &info);
  check("dorgqr", info);
  return factors;
}

// R = P diag(sigma) W^T, thin.
struct SmallSvd {
  Matrix<double> p;
  std::vector<double> sigma;
  Matrix<double> w;  // W itself, not its transpose
};

SmallSvd small_svd(Matrix<double> r) {
  const int m = static_cast<int>(r.rows());
  const int n = static_cast<int>(r.columns());
  const int least = std::min(m, n);
  SmallSvd result{Matrix<double>(m, least), std::vector<double>(static_cast<std::size_t>(least)),
                  Matrix<double>(n, least)};
  Matrix<double> wt(least, n);
  std::vector<int> integer_work(static_cast<std::size_t>(8 * least));
  const int query = -1;
  double wanted = 0;
  int info = 0;
  dgesdd_("S", &m, &n, r.values().data(), &m, result.sigma.data(), result.p.values().data(), &m, wt.values().data(),
          &least, &wanted, &query, integer_work.data(), &info);
  std::vector<double> work(static_cast<std::size_t>(wanted) + 1);
  const int work_size = static_cast<int>(work.size());
  dgesdd_("S", &m, &n, r.values().data(), &m, result.sigma.data(), result.p.values().data(), &m, wt.values().data(),
          &least, work.data(), &work_size, integer_work.data(), &info);
  check("dgesdd", info);
  for (std::int64_t i = 0; i < least; ++i) {
    for (std::int64_t j = 0; j < n; ++j) result.w(j, i) = wt(i, j);
  }
  return result;
}

Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> c(a.rows(), b.columns());
  if (c.empty()) return c;
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(a.rows()), static_cast<int>(b.columns()),
              static_cast<int>(a.columns()), 1.0, a.values().data(), static_cast<int>(a.rows()), b.values().data(),
              static_cast<int>(b.rows()), 0.0, c.values().data(), static_cast<int>(a.rows()));
  return c;
}

// One vector needs no factorizations: v is normalized, sigma = |A v|, u = A v / sigma.
Matrix<double> normalized(MatrixView<const double> x) {
  Matrix<double> result = converted<double>(x);
  const double norm = blas::norm(result.values());
  for (double& value : result.values()) value = norm > 0 ? value / norm : 0;
  if (!(norm > 0)) result(0, 0) = 1;
  return result;
}

}  // namespace

// V = Q_v R_v, V <- Q_v;  Y = A V, Z = A^T Y, in one read;  Y = Q R;  R = P S W^T
// u = Q P, v = V W;  A^T u_i = Z w_i / sigma_i
template <Real T>
Triplets<T> triplets_from_right(const LinearOperator<T>& a, MatrixView<const T> v, Context& context) {
  const FloatingEnvironment environment;
  if (v.columns < 1) throw Error("[triplets] a subspace has at least one column");
  const SerialBlas serial;
  const bool one = v.columns == 1;
  const Matrix<T> start = converted<T>(one ? normalized(converted<double>(v).view()) : qr(converted<double>(v)).q);
  Matrix<T> image(a.shape().rows, start.columns());
  Matrix<T> back(a.shape().columns, start.columns());
  a.apply_gram(start.view(), image.view(), back.view(), context);

  QrFactors factors = qr(converted<double>(std::as_const(image)));
  const SmallSvd svd = small_svd(std::move(factors.r));
  const Matrix<double> left = product(factors.q, svd.p);
  const Matrix<double> right = product(converted<double>(start), svd.w);
  Triplets<T> result{svd.sigma, converted<T>(left), converted<T>(right), std::vector<double>(svd.sigma.size())};

  // Z w / sigma carries the rounding errors of Z, u sigma_1^2, divided by sigma: accurate only for large values.
  const double unit = std::numeric_limits<T>::epsilon();
  const bool divide = svd.sigma.back() > 0 && svd.sigma.back() >= std::cbrt(unit) * svd.sigma.front();
  Matrix<double> returned;  // A^T U
  if (divide) {
    returned = product(converted<double>(std::as_const(back)), svd.w);
    for (std::int64_t i = 0; i < returned.columns(); ++i) {
      for (double& value : returned.column(i)) value /= svd.sigma[static_cast<std::size_t>(i)];
    }
  } else {
    Matrix<T> adjoint(a.shape().columns, result.u.columns());
    a.apply_adjoint(std::as_const(result.u).view(), adjoint.view(), context);
    returned = converted<double>(std::as_const(adjoint));
  }
  for (std::size_t i = 0; i < svd.sigma.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i);
    for (std::int64_t j = 0; j < returned.rows(); ++j) returned(j, column) -= svd.sigma[i] * right(j, column);
    const double norm = blas::norm(returned.column(column));
    result.residual[i] = svd.sigma.front() > 0 ? norm / svd.sigma.front() : 0;
  }
  return result;
}

template <Real T>
Triplets<T> triplets_from_left(const LinearOperator<T>& a, MatrixView<const T> u, Context& context) {
  const FloatingEnvironment environment;
  if (u.columns < 1) throw Error("[triplets] a subspace has at least one column");
  Matrix<T> v(a.shape().columns, u.columns);
  a.apply_adjoint(u, v.view(), context);
  return triplets_from_right<T>(a, std::as_const(v).view(), context);
}

template <Real T>
Triplets<T> triplets_from(GramSide<T>& side, const Matrix<T>& x) {
  side.count(x.columns());
  if (!side.right()) side.count(x.columns());  // A^T U, in separate reads
  return side.right() ? triplets_from_right<T>(side.a(), x.view(), side.context())
                      : triplets_from_left<T>(side.a(), x.view(), side.context());
}

template <Real T>
void take(SvdResult<T>& result, Triplets<T> triplets, std::int64_t k) {
  const auto first = [k](const Matrix<T>& all) {
    if (all.columns() <= k) return all;
    Matrix<T> some(all.rows(), k);
    std::copy_n(all.values().begin(), some.values().size(), some.values().begin());
    return some;
  };
  result.u = first(triplets.u);
  result.v = first(triplets.v);
  result.state.subspace = std::move(triplets.v);
  const std::size_t count = std::min(triplets.sigma.size(), static_cast<std::size_t>(k));
  triplets.sigma.resize(count);
  triplets.residual.resize(count);
  result.sigma = std::move(triplets.sigma);
  result.residual = std::move(triplets.residual);
}

template <Real T>
void rescale(SvdResult<T>& result, int exponent) {
  // A value beyond the range of double is at least double's largest number, and sigma is a lower bound.
  const auto moved = [exponent](double value) {
    return std::min(std::ldexp(value, exponent), std::numeric_limits<double>::max());
  };
  for (double& sigma : result.sigma) sigma = moved(sigma);
  if (result.next) result.next = moved(*result.next);
  CertificateContents& certificate = contents(result.certificate);
  certificate.scale = std::ldexp(certificate.scale, -exponent);
}

template Triplets<float> triplets_from_right<float>(const LinearOperator<float>&, MatrixView<const float>, Context&);
template Triplets<double> triplets_from_right<double>(const LinearOperator<double>&, MatrixView<const double>,
                                                      Context&);
template Triplets<float> triplets_from_left<float>(const LinearOperator<float>&, MatrixView<const float>, Context&);
template Triplets<double> triplets_from_left<double>(const LinearOperator<double>&, MatrixView<const double>, Context&);
template Triplets<float> triplets_from<float>(GramSide<float>&, const Matrix<float>&);
template Triplets<double> triplets_from<double>(GramSide<double>&, const Matrix<double>&);
template void take<float>(SvdResult<float>&, Triplets<float>, std::int64_t);
template void take<double>(SvdResult<double>&, Triplets<double>, std::int64_t);
template void rescale<float>(SvdResult<float>&, int);
template void rescale<double>(SvdResult<double>&, int);

}  // namespace sigmax
