// The systems of complement.hpp as one bordered matrix per triplet,
//
//   [ sigma_i  -A       U  0 ] [p]   [f]
//   [ -A^T     sigma_i  0  V ] [q] = [h]
//   [ U^T      0        0  0 ] [s]   [0]
//   [ 0        V^T      0  0 ] [t]   [0],
//
// symmetric, and nonsingular if sigma_i > sigma_{k+1}; solved by the factorization of Bunch and Kaufman. A is replaced
// by A minus the known triplets, which is the same on the complement and keeps large values out of the factorization.
// sigma_{k+1} comes from inverse iteration with the same factors.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/grad/systems/dense_solvers.hpp"
#include "sigmax/linalg/blas.hpp"

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

}  // namespace

template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>& systems, const DenseBordered&, const GradientOptions&,
                            Context& context) {
  const SerialBlas serial;
  const FormedSystems formed = formed_systems(systems, context);
  return solve_each<T>(systems, formed, [&](const FormedColumn& column) {
    const Bordered system(formed, column.sigma);
    if (system.singular()) return Below{column.sigma, false};
    const auto rows = static_cast<std::ptrdiff_t>(column.p.size());
    std::vector<double> x = system.solve(column.f, column.h);
    std::copy(x.begin(), x.begin() + rows, column.p.begin());
    std::copy(x.begin() + rows, x.end(), column.q.begin());
    const double lowest = std::max(smallest_eigenvalue(std::move(x),
                                                       [&](const std::vector<double>& y) {
                                                         const auto split = y.begin() + rows;
                                                         return system.solve({y.begin(), split}, {split, y.end()});
                                                       }),
                                   0.0);
    return Below{column.sigma - lowest, lowest > systems.no_gap};
  });
}

template ComplementSolution<float> solve<float>(const ComplementSystems<float>&, const DenseBordered&,
                                                const GradientOptions&, Context&);
template ComplementSolution<double> solve<double>(const ComplementSystems<double>&, const DenseBordered&,
                                                  const GradientOptions&, Context&);

}  // namespace sigmax
