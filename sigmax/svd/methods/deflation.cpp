// The solver named Deflation: one triplet after another.
//
// Triplet i is found by power iteration on B_i = (I - U U^T) A (I - V V^T), where U and V hold the vectors before it.
// The source text's A - sum_j sigma_j u_j v_j^T equals B_i for exact triplets; it is never formed. Because u and v are
// projected, twice, U and V are orthonormal to rounding whatever the triplets' errors are.
//
// Errors. If the earlier vectors are wrong by angles e_j (a residual of r_j sigma_1 and a gap: e_j about
// r_j sigma_1 / gap_j), B_i has the singular values of A from the i-th on up to O(sigma_1 sum e_j^2), and none above
// sigma_1: the errors of the values add up, they do not multiply. Its vectors are turned toward the earlier ones by the
// e_j. A Rayleigh-Ritz step over all of span(V) at the end removes that turn, and sorts values that power iteration
// found in the wrong order (two close ones): A v_i = sigma_i u_i holds to rounding, as for every solver. If the
// tolerance applies to the values, the vectors are good only to about its square root: ask for Accuracy::vectors if
// later triplets matter.
//
// Cost: one read of A per step, one per triplet, and one per 8 triplets at the end; the error of sigma_i^2 falls by
// (sigma_{i+1} / sigma_i)^4 a step. Lanczos needs fewer steps by a factor that grows with k. Deflation is offered
// because it is well known and needs little memory, (rows + 2 columns) (k + 1) numbers.
#include <algorithm>
#include <utility>
#include <vector>

#include "sigmax/kernels/reads.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/svd/methods/power.hpp"
#include "sigmax/svd/methods/power_loop.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {

// for i = 1, 2, ..., k:  (sigma_i, u_i, v_i) = the largest triplet of (I - U U^T) A (I - V V^T)
//                        U = [U u_i],  V = [V v_i],  A^T U = [A^T U  A^T u_i]
// the triplets of A in span(V)
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const Deflation& method, Context& context) {
  const SerialBlas serial;
  const Shape shape = a.shape();
  SvdResult<T> result;
  result.statistics.method = method;
  const std::int64_t k = task.k();
  Matrix<T> v(shape.columns, k);
  result.state.random = random_unit_vectors(task.random, v.view());
  const std::int64_t given = std::min(task.start.columns(), k);
  for (std::int64_t i = 0; i < given; ++i) {
    std::copy_n(task.start.column(i).begin(), shape.columns, v.column(i).begin());
  }
  Matrix<T> u(shape.rows, k);
  Matrix<T> back(shape.columns, k);  // A^T U
  double largest = 0;
  bool met = true;
  for (std::int64_t i = 0; i < k; ++i) {
    const PowerLoopOptions loop{method.steps, task.max_products - result.statistics.products, largest};
    const KnownTriplets<T> known{std::as_const(u).view().column_range(0, i), std::as_const(v).view().column_range(0, i),
                                 std::as_const(back).view().column_range(0, i)};
    const PowerLoopResult run = power_loop<T>(a, known, task.convergence, loop, u.column(i), v.column(i), context);
    largest = std::max(largest, run.sigma);
    result.statistics.products += run.products;
    met = met && run.met;
    if (i + 1 < k) {
      a.apply_adjoint(std::as_const(u).view().column_range(i, 1), back.view().column_range(i, 1), context);
    }
  }
  take(result, triplets_from_right<T>(a, std::as_const(v).view(), context), k);
  result.statistics.reads = result.statistics.products + k - 1 + kernels::reads_of(k);
  if (method.steps) {
    result.outcome = SvdOutcome::completed;
  } else {
    result.outcome = met ? SvdOutcome::converged : SvdOutcome::out_of_products;
  }
  return result;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const Task<float>&, const Deflation&, Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const Task<double>&, const Deflation&,
                                         Context&);

}  // namespace sigmax
