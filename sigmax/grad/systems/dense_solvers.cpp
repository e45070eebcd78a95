#include "sigmax/grad/systems/dense_solvers.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"

namespace sigmax {
template <Real T>
FormedSystems formed_systems(const ComplementSystems<T>& systems, Context& context) {
  FormedMatrix formed = form(systems.a, context);
  if (formed.exponent != 0) {
    const double scale = std::ldexp(1.0, formed.exponent);
    for (double& value : formed.a.values()) value *= scale;
  }
  FormedSystems result{std::move(formed.a),
                       {},
                       converted<double>(systems.u),
                       converted<double>(systems.v),
                       converted<double>(systems.f),
                       converted<double>(systems.h),
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
ComplementSolution<T> solve_each(const ComplementSystems<T>& systems, const FormedSystems& formed,
                                 const std::function<Below(const FormedColumn&)>& solve_column) {
  ComplementSolution<T> solution;
  Matrix<double> p(formed.f.rows(), formed.f.columns());
  Matrix<double> q(formed.h.rows(), formed.h.columns());
  for (std::size_t c = 0; c < systems.which.size(); ++c) {
    const auto column = static_cast<std::int64_t>(c);
    const Below below =
        solve_column({systems.sigma[static_cast<std::size_t>(systems.which[c])], formed.f.column(column),
                      formed.h.column(column), p.column(column), q.column(column)});
    // Rounding may make it negative, which says nothing.
    if (below.next >= 0) solution.next = std::max(solution.next.value_or(0), below.next);
    solution.has_gap.push_back(below.has_gap);
    if (below.has_gap) continue;
    std::ranges::fill(p.column(column), 0.0);
    std::ranges::fill(q.column(column), 0.0);
  }
  project_away<double>(formed.u.view(), p.view());
  project_away<double>(formed.v.view(), q.view());
  solution.p = converted<T>(p);
  solution.q = converted<T>(q);
  solution.reads = formed.reads;
  return solution;
}

double smallest_eigenvalue(std::vector<double> x,
                           const std::function<std::vector<double>(const std::vector<double>&)>& solve) {
  const int n = static_cast<int>(x.size());
  double eigenvalue = 0;
  for (int step = 0; step < 4; ++step) {
    const double before = blas::norm(x);
    if (!(before > 0)) return 0;
    cblas_dscal(n, 1 / before, x.data(), 1);
    // With y = K^-1 x: y^T K y / y^T y.
    std::vector<double> y = solve(x);
    eigenvalue = blas::dot(x, y) / blas::dot(y, y);
    if (!std::isfinite(eigenvalue)) return 0;
    x = std::move(y);
  }
  return eigenvalue;
}

template FormedSystems formed_systems<float>(const ComplementSystems<float>&, Context&);
template FormedSystems formed_systems<double>(const ComplementSystems<double>&, Context&);
template ComplementSolution<float> solve_each<float>(const ComplementSystems<float>&, const FormedSystems&,
                                                     const std::function<Below(const FormedColumn&)>&);
template ComplementSolution<double> solve_each<double>(const ComplementSystems<double>&, const FormedSystems&,
                                                       const std::function<Below(const FormedColumn&)>&);

}  // namespace sigmax
