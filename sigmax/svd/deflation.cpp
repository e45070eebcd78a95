#include "sigmax/svd/deflation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/svd/blas.hpp"
#include "sigmax/svd/power.hpp"
#include "sigmax/svd/power_loop.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {

// for i = 1, 2, ..., k:  (sigma_i, u_i, v_i) = the largest triplet of (I - U U^T) A (I - V V^T)
//                        U = [U u_i],  V = [V v_i],  A^T U = [A^T U  A^T u_i]
// the triplets of A in span(V)
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const Deflation& method,
                   Context& context) {
  if (method.steps < 0) throw Error(fmt::format("[deflation] steps must not be negative, got {}", method.steps));
  const SerialBlas serial;
  const Shape shape = a.shape();
  SvdResult<T> result;
  result.method = method;
  Matrix<T> v(shape.columns, options.k);
  result.random = random_unit_vectors(given_or_drawn(options.random), v.view());
  const std::int64_t given = std::min(options.start.columns(), options.k);
  for (std::int64_t i = 0; i < given; ++i) {
    std::copy_n(options.start.column(i).begin(), shape.columns, v.column(i).begin());
  }
  Matrix<T> u(shape.rows, options.k);
  Matrix<T> back(shape.columns, options.k);  // A^T U
  double largest = 0;
  bool met = true;
  for (std::int64_t i = 0; i < options.k; ++i) {
    const PowerLoopOptions loop{options.accuracy, options.tolerance, method.steps,
                                options.max_products - result.products, largest};
    const KnownTriplets<T> known{std::as_const(u).view().column_range(0, i), std::as_const(v).view().column_range(0, i),
                                 std::as_const(back).view().column_range(0, i)};
    const PowerLoopResult run = power_loop<T>(a, known, loop, u.column(i), v.column(i), context);
    largest = std::max(largest, run.sigma);
    result.products += run.products;
    met = met && run.met;
    if (i + 1 < options.k) {
      a.apply_adjoint(std::as_const(u).view().column_range(i, 1), back.view().column_range(i, 1), context);
    }
  }
  take(result, triplets_from_right<T>(a, std::as_const(v).view(), context), options.k);
  result.reads = result.products + options.k - 1 + (options.k + 7) / 8;
  if (method.steps > 0) {
    result.outcome = SvdOutcome::completed;
  } else {
    result.outcome = met ? SvdOutcome::converged : SvdOutcome::out_of_products;
  }
  return result;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const SvdOptions<float>&, const Deflation&,
                                       Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const SvdOptions<double>&, const Deflation&,
                                         Context&);

}  // namespace sigmax
