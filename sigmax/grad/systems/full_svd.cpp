// The systems of complement.hpp through all triplets (s_j, x_j, y_j) of A minus the known ones. In the plane of x_j and
// y_j the matrix is [sigma, -s; -s, sigma], and outside all these planes it is sigma:
//
//   a = x_j^T f, b = y_j^T h:   x_j^T p = (sigma a + s b) / (sigma^2 - s^2),  y_j^T q = (s a + sigma b) / (sigma^2 -
//   s^2)
//
// written as (a + b) / (2 (sigma - s)) +- (a - b) / (2 (sigma + s)), so that only the canceling term is divided by the
// small one.
#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/grad/systems/dense_solvers.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"

namespace sigmax {
namespace {

// X^T y
std::vector<double> coefficients(const Matrix<double>& x, std::span<const double> y) {
  std::vector<double> c(static_cast<std::size_t>(x.columns()));
  const int m = static_cast<int>(x.rows());
  cblas_dgemv(CblasColMajor, CblasTrans, m, static_cast<int>(x.columns()), 1, x.values().data(), m, y.data(), 1, 0,
              c.data(), 1);
  return c;
}

// y = y / sigma + X c
void add_combination(const Matrix<double>& x, const std::vector<double>& c, double sigma, std::span<double> y) {
  const int m = static_cast<int>(x.rows());
  cblas_dgemv(CblasColMajor, CblasNoTrans, m, static_cast<int>(x.columns()), 1, x.values().data(), m, c.data(), 1,
              1 / sigma, y.data(), 1);
}

}  // namespace

template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>& systems, const FullSvd&, const GradientOptions&,
                            Context& context) {
  const SerialBlas serial;
  const FormedSystems formed = formed_systems(systems, context);
  const std::int64_t least = std::min(formed.a.rows(), formed.a.columns());
  Matrix<double> copy = formed.rest;
  const lapack::Svd all = lapack::decompose(copy.view(), 0, least).wanted;
  const double next = all.sigma.front();
  return solve_each<T>(systems, formed, [&](const FormedColumn& column) {
    const double sigma = column.sigma;
    if (!(sigma - next > systems.no_gap)) return Below{next, false};
    std::vector<double> a = coefficients(all.u, column.f);
    std::vector<double> b = coefficients(all.v, column.h);
    for (std::size_t j = 0; j < a.size(); ++j) {
      const double close = (a[j] + b[j]) / (2 * (sigma - all.sigma[j]));
      const double far = (a[j] - b[j]) / (2 * (sigma + all.sigma[j]));
      a[j] = close + far - a[j] / sigma;
      b[j] = close - far - b[j] / sigma;
    }
    std::ranges::copy(column.f, column.p.begin());
    std::ranges::copy(column.h, column.q.begin());
    add_combination(all.u, a, sigma, column.p);
    add_combination(all.v, b, sigma, column.q);
    return Below{next, true};
  });
}

template ComplementSolution<float> solve<float>(const ComplementSystems<float>&, const FullSvd&, const GradientOptions&,
                                                Context&);
template ComplementSolution<double> solve<double>(const ComplementSystems<double>&, const FullSvd&,
                                                  const GradientOptions&, Context&);

}  // namespace sigmax
