// The systems of complement.hpp by Cholesky on the shorter side. With A' = A minus the known triplets, and rows >=
// columns (A^T otherwise):
//
//   K = sigma_i^2 - A'^T A',  K q = sigma_i h + A'^T f,  p = (A' q + f) / sigma_i
//
// Along the known triplets K is sigma_i^2, so K is positive definite on the whole space and as well-conditioned as on
// the complement, which contains the right-hand side and so the solution. Its smallest eigenvalue sigma_i^2 -
// sigma_{k+1}^2 comes from a few steps of inverse iteration.
#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/grad/systems/dense_solvers.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

// y = R^-1 R^-T y with the upper triangle of `r`.
void solve_in_place(const Matrix<double>& r, std::span<double> y) {
  const int n = static_cast<int>(r.rows());
  cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, n, r.values().data(), n, y.data(), 1);
  cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, n, r.values().data(), n, y.data(), 1);
}

}  // namespace

template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>& systems, const DenseCholesky&, const GradientOptions&,
                            Context& context) {
  const SerialBlas serial;
  const FormedSystems formed = formed_systems(systems, context);
  const Matrix<double>& a = formed.rest;
  const bool right = a.columns() <= a.rows();
  const int rows = static_cast<int>(a.rows());
  const int columns = static_cast<int>(a.columns());
  const int n = std::min(rows, columns);
  const auto into = right ? CblasTrans : CblasNoTrans;
  const auto back = right ? CblasNoTrans : CblasTrans;

  Matrix<double> gram(n, n);
  cblas_dsyrk(CblasColMajor, CblasUpper, into, n, std::max(rows, columns), 1, a.values().data(), rows, 0,
              gram.values().data(), n);
  return solve_each<T>(systems, formed, [&](const FormedColumn& column) {
    const double sigma = column.sigma;
    Matrix<double> k(n, n);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < j; ++i) k(i, j) = -gram(i, j);
      k(j, j) = sigma * sigma - gram(j, j);
    }
    int info = 0;
    dpotrf_("U", &n, k.values().data(), &n, &info);
    if (info != 0) return Below{sigma, false};
    const std::span<const double> own = right ? column.h : column.f;
    const std::span<const double> other = right ? column.f : column.h;
    const std::span<double> x = right ? column.q : column.p;
    const std::span<double> y = right ? column.p : column.q;
    std::ranges::copy(own, x.begin());
    cblas_dgemv(CblasColMajor, into, rows, columns, 1, a.values().data(), rows, other.data(), 1, sigma, x.data(), 1);
    const double lowest = smallest_eigenvalue({x.begin(), x.end()}, [&](std::vector<double> z) {
      solve_in_place(k, z);
      return z;
    });
    const Below below{std::sqrt(std::max(sigma * sigma - lowest, 0.0)), lowest > 2 * sigma * systems.no_gap};
    if (!below.has_gap) return below;
    solve_in_place(k, x);
    std::ranges::copy(other, y.begin());
    cblas_dgemv(CblasColMajor, back, rows, columns, 1 / sigma, a.values().data(), rows, x.data(), 1, 1 / sigma,
                y.data(), 1);
    return below;
  });
}

template ComplementSolution<float> solve<float>(const ComplementSystems<float>&, const DenseCholesky&,
                                                const GradientOptions&, Context&);
template ComplementSolution<double> solve<double>(const ComplementSystems<double>&, const DenseCholesky&,
                                                  const GradientOptions&, Context&);

}  // namespace sigmax
