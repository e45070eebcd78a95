#include "sigmax/grad/dense_solvers.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/svd/blas.hpp"

namespace sigmax {
namespace {

template <Real T>
Matrix<double> in_double(MatrixView<const T> x) {
  Matrix<double> result(x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), result.column(j).begin());
  return result;
}

template <Real T>
Matrix<T> in_type(const Matrix<double>& x) {
  Matrix<T> result(x.rows(), x.columns());
  std::ranges::transform(x.values(), result.values().begin(), [](double value) { return static_cast<T>(value); });
  return result;
}

}  // namespace

template <Real T>
FormedSystems formed_systems(const ComplementSystems<T>& systems, Context& context) {
  FormedMatrix formed = form(systems.a, context);
  if (formed.exponent != 0) {
    const double scale = std::ldexp(1.0, formed.exponent);
    for (double& value : formed.a.values()) value *= scale;
  }
  FormedSystems result{std::move(formed.a),
                       {},
                       in_double(systems.u),
                       in_double(systems.v),
                       in_double<T>(systems.f.view()),
                       in_double<T>(systems.h.view()),
                       formed.reads};
  result.rest = result.a;
  const int m = static_cast<int>(result.a.rows());
  const int n = static_cast<int>(result.a.columns());
  for (std::size_t i = 0; i < systems.sigma.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i);
    cblas_dger(CblasColMajor, m, n, -systems.sigma[i], result.u.column(column).data(), 1,
               result.v.column(column).data(), 1, result.rest.values().data(), m);
  }
  return result;
}

template <Real T>
void take_solution(const ComplementSystems<T>& systems, const FormedSystems& formed, Matrix<double> p, Matrix<double> q,
                   ComplementSolution<T>& solution) {
  project_away<double>(formed.u.view(), p.view());
  project_away<double>(formed.v.view(), q.view());
  for (std::size_t c = 0; c < systems.which.size(); ++c) {
    if (solution.has_gap[c]) continue;
    std::ranges::fill(p.column(static_cast<std::int64_t>(c)), 0.0);
    std::ranges::fill(q.column(static_cast<std::int64_t>(c)), 0.0);
  }
  solution.p = in_type<T>(p);
  solution.q = in_type<T>(q);
  solution.reads = formed.reads;
}

template FormedSystems formed_systems<float>(const ComplementSystems<float>&, Context&);
template FormedSystems formed_systems<double>(const ComplementSystems<double>&, Context&);
template void take_solution<float>(const ComplementSystems<float>&, const FormedSystems&, Matrix<double>,
                                   Matrix<double>, ComplementSolution<float>&);
template void take_solution<double>(const ComplementSystems<double>&, const FormedSystems&, Matrix<double>,
                                    Matrix<double>, ComplementSolution<double>&);

}  // namespace sigmax
