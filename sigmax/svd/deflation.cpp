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
  const auto rearrange = [&](std::vector<double>& x) {
    const std::vector<double> before = x;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = before[order[i]];
  };
  rearrange(result.sigma);
  rearrange(result.residual);
}

// The larger of |A^T u_i - sigma_i v_i| and |A v_i - sigma_i u_i|. The second is what A v_i has in span(U): there its
// coefficients are u_j^T A v_i = (A^T u_j)^T v_i, the error of triplet j.
template <Real T>
double residual_of(const KnownTriplets<T>& known, std::span<const T> back, double sigma, std::span<const T> v) {
  std::vector<double> r(v.size());
  for (std::size_t i = 0; i < r.size(); ++i) r[i] = static_cast<double>(back[i]) - sigma * static_cast<double>(v[i]);
  std::vector<double> across(static_cast<std::size_t>(known.back.columns));
  for (std::size_t j = 0; j < across.size(); ++j) {
    const std::span<const T> column = known.back.column(static_cast<std::int64_t>(j));
    for (std::size_t i = 0; i < v.size(); ++i) across[j] += static_cast<double>(column[i]) * static_cast<double>(v[i]);
  }
  return std::max(norm_of(std::span<const double>(r)), norm_of(std::span<const double>(across)));
}

}  // namespace

// for i = 1, 2, ..., k:  (sigma_i, u_i, v_i) = the largest triplet of (I - U U^T) A (I - V V^T)
//                        U = [U u_i],  V = [V v_i],  A^T U = [A^T U  A^T u_i]
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
  Matrix<T> back(shape.columns, options.k);  // A^T U
  bool met = true;
  for (std::int64_t i = 0; i < options.k; ++i) {
    PowerLoopOptions loop{options.accuracy, options.tolerance, method.steps, options.max_products - result.products,
                          result.sigma.empty() ? 0.0 : result.sigma.front()};
    const KnownTriplets<T> known{std::as_const(result.u).view().column_range(0, i),
                                 std::as_const(result.v).view().column_range(0, i),
                                 std::as_const(back).view().column_range(0, i)};
    const PowerLoopResult run = power_loop<T>(a, known, loop, result.u.column(i), result.v.column(i), context);
    a.apply_adjoint(std::as_const(result.u).view().column_range(i, 1), back.view().column_range(i, 1), context);
    result.sigma.push_back(run.sigma);
    result.residual.push_back(residual_of<T>(known, back.column(i), run.sigma, result.v.column(i)));
    result.products += run.products;
    met = met && run.met;
  }
  put_in_order(result);
  for (double& residual : result.residual) residual = result.sigma[0] > 0 ? residual / result.sigma[0] : 0;
  result.reads = result.products + options.k;
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
