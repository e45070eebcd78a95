#include "sigmax/lipschitz/lmi/newton.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/tiled.hpp"

namespace sigmax::lipschitz {

BarrierNewton::BarrierNewton(BarrierDerivatives derivatives, Context& context)
    : derivatives_(std::move(derivatives)), solved_(derivatives_.hessian.rows(), 2) {
  Matrix<double>& h = derivatives_.hessian;
  const std::int64_t n = h.rows();
  const Matrix<double> hessian = h;
  // At most 8 attempts: a multiple of the diagonal that makes up for rounding.
  for (double ridge = 0; ridge < 1e-6; ridge = std::max(1e-13, 10 * ridge)) {
    for (std::int64_t j = 0; j < n; ++j) h(j, j) = hessian(j, j) * (1 + ridge);
    works_ = cholesky(h.values().data(), n, context);
    if (works_) break;
    h = hessian;
  }
  if (!works_) return;
  std::ranges::copy(derivatives_.gradient, solved_.column(0).begin());
  std::ranges::copy(derivatives_.mixed, solved_.column(1).begin());
  tiled::solve_from_left(h, solved_, context);
  tiled::solve_transposed_from_left(h, solved_, context);
}

// [H m; m^T h] [x; s] = -[g; slope + t], by elimination of x.
NewtonStep BarrierNewton::step(double t) const {
  const BarrierDerivatives& d = derivatives_;
  const double slope = d.slope + t;
  const double rest = d.second - blas::dot(d.mixed, solved_.column(1));
  NewtonStep result;
  result.s = rest > 0 ? (blas::dot(d.mixed, solved_.column(0)) - slope) / rest : 0;
  result.decrement = -slope * result.s;
  result.x.resize(d.gradient.size());
  for (std::size_t j = 0; j < result.x.size(); ++j) {
    const auto row = static_cast<std::int64_t>(j);
    result.x[j] = -solved_(row, 0) - result.s * solved_(row, 1);
    result.decrement -= d.gradient[j] * result.x[j];
  }
  return result;
}

}  // namespace sigmax::lipschitz
