#include "sigmax/svd/deflation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/svd/blas.hpp"
#include "sigmax/svd/power.hpp"
#include "sigmax/svd/power_loop.hpp"

namespace sigmax {
namespace {

// The columns in a new order.
template <Real T>
Matrix<T> arranged(const Matrix<T>& x, const std::vector<std::size_t>& order) {
  Matrix<T> result(x.rows(), x.columns());
  for (std::size_t j = 0; j < order.size(); ++j) {
    const auto from = x.column(static_cast<std::int64_t>(order[j]));
    std::copy(from.begin(), from.end(), result.column(static_cast<std::int64_t>(j)).begin());
  }
  return result;
}

template <Real T>
void put_in_order(SvdResult<T>& result) {
  std::vector<std::size_t> order(result.sigma.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return result.sigma[i] > result.sigma[j]; });
  if (std::is_sorted(order.begin(), order.end())) return;
  result.u = arranged(result.u, order);
  result.v = arranged(result.v, order);
  std::sort(result.sigma.rbegin(), result.sigma.rend());
}

template <Real T>
void evaluate_residuals(const LinearOperator<T>& a, SvdResult<T>& result, Context& context) {
  Matrix<T> returned(a.shape().columns, result.u.columns());
  a.apply_adjoint(std::as_const(result.u).view(), returned.view(), context);
  result.residual.assign(result.sigma.size(), 0.0);
  std::vector<double> r(static_cast<std::size_t>(returned.rows()));
  for (std::size_t j = 0; j < result.sigma.size() && result.sigma[0] > 0; ++j) {
    const auto back = returned.column(static_cast<std::int64_t>(j));
    const auto v = result.v.column(static_cast<std::int64_t>(j));
    for (std::size_t i = 0; i < r.size(); ++i) {
      r[i] = static_cast<double>(back[i]) - result.sigma[j] * static_cast<double>(v[i]);
    }
    result.residual[j] = norm_of(std::span<const double>(r)) / result.sigma[0];
  }
}

}  // namespace

// for i = 1, 2, ..., k:  (sigma_i, u_i, v_i) = the largest triplet of (I - U U^T) A (I - V V^T)
//                        U = [U u_i],  V = [V v_i]
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const Deflation& method,
                   Context& context) {
  if (method.steps < 0) throw Error(fmt::format("[deflation] steps must not be negative, got {}", method.steps));
  const SerialBlas serial;
  const Shape shape = a.shape();
  SvdResult<T> result;
  result.method = method;
  result.u = Matrix<T>(shape.rows, options.k);
  result.v = Matrix<T>(shape.columns, options.k);
  result.random = random_unit_vectors(options.random, result.v.view());
  const std::int64_t given = std::min(options.start.columns(), options.k);
  for (std::int64_t i = 0; i < given; ++i) {
    std::copy_n(options.start.column(i).begin(), shape.columns, result.v.column(i).begin());
  }
  bool met = true;
  for (std::int64_t i = 0; i < options.k; ++i) {
    PowerLoopOptions loop{options.accuracy, options.tolerance, method.steps, options.max_products - result.products,
                          result.sigma.empty() ? 0.0 : result.sigma.front()};
    const MatrixView<const T> left = std::as_const(result.u).view().column_range(0, i);
    const MatrixView<const T> right = std::as_const(result.v).view().column_range(0, i);
    const PowerLoopResult run = power_loop<T>(a, left, right, loop, result.u.column(i), result.v.column(i), context);
    result.sigma.push_back(run.sigma);
    result.products += run.products;
    met = met && run.met;
  }
  put_in_order(result);
  evaluate_residuals(a, result, context);
  result.reads = result.products + (options.k + 7) / 8;
  if (method.steps > 0) {
    result.outcome = SvdOutcome::completed;
  } else {
    result.outcome = met ? SvdOutcome::converged : SvdOutcome::out_of_products;
  }
  result.subspace = result.v;
  return result;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const SvdOptions<float>&, const Deflation&,
                                       Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const SvdOptions<double>&, const Deflation&,
                                         Context&);

}  // namespace sigmax
