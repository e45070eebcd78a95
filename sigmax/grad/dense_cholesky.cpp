// The systems of complement.hpp by Cholesky on the shorter side. With A' = A less the known triplets, and A no wider
// than tall (A^T otherwise):
//
//   K = sigma_i^2 - A'^T A',  K q = sigma_i h + A'^T f,  p = (A' q + f) / sigma_i
//
// Along the known triplets K is sigma_i^2, so that it is positive definite on the whole space, as well-conditioned as
// on the complement, where the right-hand side and so the solution lie. Its smallest eigenvalue sigma_i^2 -
// sigma_{k+1}^2 comes from a few steps of inverse iteration.
#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/grad/dense_solvers.hpp"
#include "sigmax/svd/blas.hpp"

namespace sigmax {
namespace {

// y = R^-1 R^-T y with the upper triangle of `r`.
void solve_in_place(const Matrix<double>& r, std::span<double> y) {
  const int n = static_cast<int>(r.rows());
  cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, n, r.values().data(), n, y.data(), 1);
  cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, n, r.values().data(), n, y.data(), 1);
}

// An estimate of the smallest eigenvalue of R^T R from above, x to begin with.
double smallest_eigenvalue(const Matrix<double>& r, std::vector<double> x) {
  const int n = static_cast<int>(r.rows());
  double eigenvalue = 0;
  for (int step = 0; step < 4; ++step) {
    const double before = cblas_dnrm2(n, x.data(), 1);
    if (!(before > 0)) return 0;
    cblas_dscal(n, 1 / before, x.data(), 1);
    std::vector<double> y = x;
    solve_in_place(r, y);
    // With z = R^-T x: |z|^2 = x^T K^-1 x = x^T y, and y^T K y / y^T y = x^T y / y^T y.
    eigenvalue = cblas_ddot(n, x.data(), 1, y.data(), 1) / cblas_ddot(n, y.data(), 1, y.data(), 1);
    if (!std::isfinite(eigenvalue)) return 0;
    x = std::move(y);
  }
  return eigenvalue;
}

}  // namespace

template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>& systems, const DenseCholesky&, const GradientOptions&,
                            Context& context) {
  const SerialBlas serial;
  const FormedSystems formed = formed_systems(systems, context);
  const Matrix<double>& a = formed.rest;
  const bool right = a.columns() <= a.rows();
  const int m = static_cast<int>(a.rows());
  const int n = static_cast<int>(std::min(a.rows(), a.columns()));
  const auto into = right ? CblasTrans : CblasNoTrans;
  const auto back = right ? CblasNoTrans : CblasTrans;
  const Matrix<double>& own = right ? formed.h : formed.f;
  const Matrix<double>& other = right ? formed.f : formed.h;

  Matrix<double> gram(n, n);
  cblas_dsyrk(CblasColMajor, CblasUpper, into, n, static_cast<int>(std::max(a.rows(), a.columns())), 1,
              a.values().data(), m, 0, gram.values().data(), n);
  ComplementSolution<T> solution;
  Matrix<double> x(n, own.columns());
  Matrix<double> y = other;
  for (std::size_t c = 0; c < systems.which.size(); ++c) {
    const auto column = static_cast<std::int64_t>(c);
    const double sigma = systems.sigma[static_cast<std::size_t>(systems.which[c])];
    Matrix<double> k(n, n);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < j; ++i) k(i, j) = -gram(i, j);
      k(j, j) = sigma * sigma - gram(j, j);
    }
    int info = 0;
    dpotrf_("U", &n, k.values().data(), &n, &info);
    const std::span<double> to = x.column(column);
    std::ranges::copy(own.column(column), to.begin());
    cblas_dgemv(CblasColMajor, into, m, static_cast<int>(a.columns()), 1, a.values().data(), m,
                other.column(column).data(), 1, sigma, to.data(), 1);
    const double lowest = info == 0 ? smallest_eigenvalue(k, {to.begin(), to.end()}) : 0;
    solution.next = std::max(solution.next, std::sqrt(std::max(sigma * sigma - lowest, 0.0)));
    solution.has_gap.push_back(lowest > 2 * sigma * systems.no_gap);
    if (!solution.has_gap.back()) continue;
    solve_in_place(k, to);
    cblas_dgemv(CblasColMajor, back, m, static_cast<int>(a.columns()), 1 / sigma, a.values().data(), m, to.data(), 1,
                1 / sigma, y.column(column).data(), 1);
  }
  if (right) std::swap(x, y);
  take_solution(systems, formed, std::move(x), std::move(y), solution);
  return solution;
}

template ComplementSolution<float> solve<float>(const ComplementSystems<float>&, const DenseCholesky&,
                                                const GradientOptions&, Context&);
template ComplementSolution<double> solve<double>(const ComplementSystems<double>&, const DenseCholesky&,
                                                  const GradientOptions&, Context&);

}  // namespace sigmax
