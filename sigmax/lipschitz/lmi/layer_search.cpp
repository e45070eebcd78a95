#include "sigmax/lipschitz/lmi/layer_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/multiply.hpp"
#include "sigmax/linalg/tiled.hpp"
#include "sigmax/lipschitz/lmi/largest_eigenvalue.hpp"
#include "sigmax/lipschitz/lmi/newton.hpp"

namespace sigmax::lipschitz {
namespace {

// A point of the search: the factor of Y = S - s N, and the barrier.
struct LayerPoint {
  std::vector<double> x;  ///< lambda
  double s = 0;           ///< minus the s of Y, so that it is to be small
  Matrix<double> factor;
  double log_det = 0;
};

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Nothing if Y is not positive definite.
std::optional<LayerPoint> layer_point(const Matrix<double>& k, const Matrix<double>& n, std::vector<double> lambda,
                                      double s, Context& context) {
  if (!(s > 0)) return std::nullopt;
  LayerPoint point{std::move(lambda), -s, Matrix<double>(k.rows(), k.rows()), 0};
  Matrix<double>& y = point.factor;
  const std::vector<double>& l = point.x;
  context.parallel_for(at(k.rows()), [&](std::size_t column) {
    const auto j = static_cast<std::int64_t>(column);
    for (std::int64_t i = j; i < k.rows(); ++i) y(i, j) = -l[at(i)] * k(i, j) * l[column] - s * n(i, j);
    y(j, j) += 2 * l[column];
  });
  if (!cholesky(y.values().data(), k.rows(), context)) return std::nullopt;
  for (std::int64_t j = 0; j < k.rows(); ++j) point.log_det += 2 * std::log(y(j, j));
  return point;
}

// The derivatives of f = -log det Y, with V = Y^-1, B = I - K Lambda and U = B V:
//
//     dY = dLambda B + B^T dLambda - N ds,    d^2 Y = -2 dLambda K dLambda
//     f_j = -2 U_jj                           f_s = tr(N V)
//     f_jk = 2 (U_jk U_kj + V_jk (U B^T)_jk + K_jk V_jk)
//     f_js = -2 (U N V)_jj                    f_ss = tr(N V N V)
//
// s N V = Lambda (V + U) - I because Y V = I. The variable of the search is -s.
Matrix<double> u_of(const Matrix<double>& k, const std::vector<double>& lambda, const Matrix<double>& v,
                    Context& context) {
  Matrix<double> weighted = v;
  for (std::int64_t j = 0; j < v.columns(); ++j) {
    for (std::int64_t i = 0; i < v.rows(); ++i) weighted(i, j) *= lambda[at(i)];
  }
  Matrix<double> u = v;
  multiply_add(-1, k, false, weighted, 1, u, context);
  return u;
}

// U B^T = U - (U Lambda) K, symmetric; its lower triangle.
Matrix<double> hessian_factor(const Matrix<double>& k, const std::vector<double>& lambda, const Matrix<double>& u,
                              Context& context) {
  Matrix<double> weighted = u;
  for (std::int64_t j = 0; j < u.columns(); ++j) {
    for (double& value : weighted.column(j)) value *= lambda[at(j)];
  }
  Matrix<double> result = u;
  tiled::add_symmetric(-1, weighted, k, 1, result, context);
  return result;
}

BarrierDerivatives layer_derivatives(const Matrix<double>& k, const LayerPoint& point, Context& context) {
  const std::int64_t n = k.rows();
  const std::vector<double>& lambda = point.x;
  const Matrix<double> v = tiled::inverse_of_square(point.factor, context);
  const Matrix<double> u = u_of(k, lambda, v, context);
  BarrierDerivatives d{std::vector<double>(at(n)), hessian_factor(k, lambda, u, context), std::vector<double>(at(n)), 0,
                       0};
  constexpr std::int64_t kRows = 64;
  std::vector<double> traces(at(n));
  std::vector<double> seconds(at(n));
  context.parallel_for(at((n + kRows - 1) / kRows), [&](std::size_t block) {
    const auto nv = [&](std::int64_t i, std::int64_t j) {
      return (lambda[at(i)] * (v(i, j) + u(i, j)) - (i == j ? 1.0 : 0.0)) / -point.s;
    };
    const std::int64_t first = static_cast<std::int64_t>(block) * kRows;
    const std::int64_t last = std::min(n, first + kRows);
    for (std::int64_t i0 = 0; i0 < n; i0 += kRows) {
      for (std::int64_t j = first; j < last; ++j) {
        for (std::int64_t i = i0; i < std::min(n, i0 + kRows); ++i) {
          const double reverse = nv(i, j);
          d.mixed[at(j)] += 2 * u(j, i) * reverse;
          seconds[at(j)] += nv(j, i) * reverse;
          if (i >= j) {
            double& h = d.hessian(i, j);
            h = 2 * (u(i, j) * u(j, i) + v(i, j) * (h + k(i, j)));
          }
        }
      }
    }
    for (std::int64_t j = first; j < last; ++j) {
      d.gradient[at(j)] = -2 * u(j, j);
      traces[at(j)] = nv(j, j);
    }
  });
  for (std::int64_t j = 0; j < n; ++j) {
    d.slope -= traces[at(j)];
    d.second += seconds[at(j)];
  }
  return d;
}

}  // namespace

std::vector<double> closed_form_multipliers(const Matrix<double>& k, const std::vector<double>& least,
                                            const std::vector<double>& most) {
  // A layer that nothing reaches may have any multipliers.
  const double reached = largest_eigenvalue(k);
  const double largest = reached > 1e-280 ? reached : 1;
  std::vector<double> result(least.size());
  for (std::size_t j = 0; j < result.size(); ++j) {
    result[j] = std::min((most[j] - least[j]) / std::max(most[j], -least[j]), 1.99) / largest;
  }
  return result;
}

std::vector<double> newton_multipliers(const Matrix<double>& k, const Matrix<double>& n,
                                       const std::vector<double>& start, double gap, SearchBudget& budget,
                                       Context& context) {
  const double largest = largest_eigenvalue(n);
  if (!(largest > 0)) return start;
  const auto make = [&](std::vector<double> lambda, double s) {
    return layer_point(k, n, std::move(lambda), -s, context);
  };
  std::optional<LayerPoint> point = make(start, -0.5 * start.front() / largest);
  if (!point) return start;
  constexpr double kGrowth = 8;
  constexpr int kMostSteps = 40;
  const auto order = static_cast<double>(k.rows());
  // Far from the center each step makes the barrier smaller by a few units out of `order`: what is left counts for
  // little where s need not be the best one.
  const double centered = std::max(0.5, (gap < 0.1 ? 0.003 : 0.02) * order);
  double t = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    context.check_cancel();
    if (!budget.allows(4 * order * order * order)) break;
    const BarrierNewton newton(layer_derivatives(k, *point, context), context);
    if (!newton.works()) break;
    // Three times what the start would be the center of: about a gap of 2.
    if (t == 0) t = -3 * newton.slope();
    NewtonStep direction = newton.step(t);
    if (direction.decrement < centered) {
      if (order / t <= gap * -point->s) break;
      t *= kGrowth;
      direction = newton.step(t);
    }
    std::optional<LayerPoint> next = search_line(*point, direction, t, make);
    if (!next) break;
    point = std::move(next);
  }
  return point->x;
}

}  // namespace sigmax::lipschitz
