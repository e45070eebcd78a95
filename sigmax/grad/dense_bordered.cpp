// The systems of complement.hpp as one bordered matrix a triplet,
//
//   [ sigma_i  -A       U  0 ] [p]   [f]
//   [ -A^T     sigma_i  0  V ] [q] = [h]
//   [ U^T      0        0  0 ] [s]   [0]
//   [ 0        V^T      0  0 ] [t]   [0],
//
// nonsingular if sigma_i > sigma_{k+1} and symmetric, by the factorisation of Bunch and Kaufman. Of A its part on the
// complement is taken, A less the known triplets, which is the same there and spares the factorisation their size.
// sigma_{k+1} comes from inverse iteration with the same factors.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/grad/dense_solvers.hpp"
#include "sigmax/svd/blas.hpp"

namespace sigmax {
namespace {

class Bordered {
 public:
  Bordered(const FormedSystems& formed, double sigma)
      : rows_(formed.a.rows()),
        columns_(formed.a.columns()),
        known_(formed.u.columns()),
        order_(static_cast<int>(rows_ + columns_ + 2 * known_)),
        factors_(order_, order_),
        pivots_(static_cast<std::size_t>(order_)) {
    // The lower triangle.
    for (std::int64_t i = 0; i < rows_ + columns_; ++i) factors_(i, i) = sigma;
    for (std::int64_t j = 0; j < columns_; ++j) {
      for (std::int64_t i = 0; i < rows_; ++i) factors_(rows_ + j, i) = -formed.rest(i, j);
    }
    const std::int64_t below = rows_ + columns_;
    for (std::int64_t c = 0; c < known_; ++c) {
      for (std::int64_t i = 0; i < rows_; ++i) factors_(below + c, i) = formed.u(i, c);
      for (std::int64_t j = 0; j < columns_; ++j) factors_(below + known_ + c, rows_ + j) = formed.v(j, c);
    }
    std::vector<double> work(static_cast<std::size_t>(64 * order_));
    const int size = static_cast<int>(work.size());
    int info = 0;
    dsytrf_("L", &order_, factors_.values().data(), &order_, pivots_.data(), work.data(), &size, &info);
    if (info < 0) throw Error(fmt::format("[gradient] dsytrf failed, info {}", info));
    singular_ = info > 0;
  }

  bool singular() const { return singular_; }

  // [p; q] of the right-hand side [f; h].
  std::vector<double> solve(std::span<const double> f, std::span<const double> h) const {
    std::vector<double> x(static_cast<std::size_t>(order_));
    std::ranges::copy(f, x.begin());
    std::ranges::copy(h, x.begin() + rows_);
    const int one = 1;
    int info = 0;
    dsytrs_("L", &order_, &one, factors_.values().data(), &order_, pivots_.data(), x.data(), &order_, &info);
    if (info != 0) throw Error(fmt::format("[gradient] dsytrs failed, info {}", info));
    x.resize(static_cast<std::size_t>(rows_ + columns_));
    return x;
  }

 private:
  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t known_;
  int order_;
  Matrix<double> factors_;
  std::vector<int> pivots_;
  bool singular_ = false;
};

// An estimate from above of the smallest eigenvalue of the system, sigma_i - sigma_{k+1}, x to begin with.
double smallest_eigenvalue(const Bordered& system, std::int64_t rows, std::vector<double> x) {
  const int n = static_cast<int>(x.size());
  double eigenvalue = 0;
  for (int step = 0; step < 4; ++step) {
    const double before = cblas_dnrm2(n, x.data(), 1);
    if (!(before > 0)) return 0;
    cblas_dscal(n, 1 / before, x.data(), 1);
    const auto split = x.begin() + rows;
    std::vector<double> y = system.solve({x.begin(), split}, {split, x.end()});
    eigenvalue = cblas_ddot(n, x.data(), 1, y.data(), 1) / cblas_ddot(n, y.data(), 1, y.data(), 1);
    if (!std::isfinite(eigenvalue)) return 0;
    x = std::move(y);
  }
  return eigenvalue;
}

}  // namespace

template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>& systems, const DenseBordered&, const GradientOptions&,
                            Context& context) {
  const SerialBlas serial;
  const FormedSystems formed = formed_systems(systems, context);
  ComplementSolution<T> solution;
  Matrix<double> p(formed.f.rows(), formed.f.columns());
  Matrix<double> q(formed.h.rows(), formed.h.columns());
  for (std::size_t c = 0; c < systems.which.size(); ++c) {
    const auto column = static_cast<std::int64_t>(c);
    const double sigma = systems.sigma[static_cast<std::size_t>(systems.which[c])];
    const Bordered system(formed, sigma);
    double lowest = 0;
    if (!system.singular()) {
      std::vector<double> x = system.solve(formed.f.column(column), formed.h.column(column));
      std::copy(x.begin(), x.begin() + p.rows(), p.column(column).begin());
      std::copy(x.begin() + p.rows(), x.end(), q.column(column).begin());
      lowest = std::max(smallest_eigenvalue(system, p.rows(), std::move(x)), 0.0);
    }
    solution.next = std::max(solution.next, sigma - lowest);
    solution.has_gap.push_back(lowest > systems.no_gap);
  }
  take_solution(systems, formed, std::move(p), std::move(q), solution);
  return solution;
}

template ComplementSolution<float> solve<float>(const ComplementSystems<float>&, const DenseBordered&,
                                                const GradientOptions&, Context&);
template ComplementSolution<double> solve<double>(const ComplementSystems<double>&, const DenseBordered&,
                                                  const GradientOptions&, Context&);

}  // namespace sigmax
