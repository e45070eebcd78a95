// The solver named Lanczos: on the Gram operator of the shorter side, or by bidiagonalization.
#include <cmath>
#include <optional>
#include <utility>

#include "sigmax/ops/gram_side.hpp"
#include "sigmax/svd/certificate_contents.hpp"
#include "sigmax/svd/krylov/golub_kahan.hpp"
#include "sigmax/svd/krylov/gram_lanczos.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// Below this many entries a check of the Ritz values takes as long as three steps, and neighbors cost more than they
// save.
constexpr std::int64_t kTinyEntries = std::int64_t{1} << 13;

// After this many reads the wanted values have close neighbors, whose vectors make the gradient's solve converge
// faster.
constexpr std::int64_t kManyReads = 16;

// Only the process: everything in the result except its triplets, and the vectors of the side.
template <Real T>
struct GramVectors {
  SvdResult<T> result;
  Matrix<T> vectors;
  std::vector<double> theta;
};

template <Real T>
GramVectors<T> iterate(const Shape& shape, GramSide<T>& side, const Task<T>& task, std::optional<std::int64_t> basis,
                       Context& context) {
  LanczosOptions inner;
  inner.convergence = task.convergence;
  inner.max_products = task.max_products;
  inner.basis = basis;
  const bool tiny = shape.rows * shape.columns <= kTinyEntries;
  inner.apart = tiny ? 3 : 1;
  const bool slow = task.convergence.accuracy == Accuracy::vectors && !tiny;
  inner.neighbors = slow || task.check == Check::full;
  inner.random = task.random;

  const Matrix<T> start = side.from_right(task.start);
  const SymmetricProduct<T> product = [&](MatrixView<const T> x, MatrixView<T> z) { side.multiply(x, z); };
  LanczosResult<T> top = lanczos<T>(side.order(), product, start.view(), inner, context);
  SvdResult<T> result;
  if (task.check == Check::full || (slow && top.reads >= kManyReads)) result.state.neighbors = std::move(top.neighbors);
  if (top.next) result.next = std::sqrt(*top.next);
  result.outcome = top.outcome == LanczosOutcome::out_of_products ? SvdOutcome::out_of_products : SvdOutcome::converged;
  result.statistics.method = Lanczos{.form = Lanczos::Form::gram, .basis = top.basis};
  result.statistics.products = top.products;
  contents(result.certificate).recurrences = std::move(top.recurrences);
  result.state.random = top.random;
  return {std::move(result), std::move(top.vectors), std::move(top.theta)};
}

template <Real T>
SvdResult<T> gram_form(const LinearOperator<T>& a, const Task<T>& task, std::optional<std::int64_t> basis,
                       Context& context) {
  GramSide<T> side(a, context);
  GramVectors<T> found = iterate(a.shape(), side, task, basis, context);
  take(found.result, triplets_from(side, found.vectors), task.k());
  found.result.statistics.reads = side.reads();
  return std::move(found.result);
}

}  // namespace

template <Real T>
SvdResult<T> gram_subspace(const LinearOperator<T>& a, const Task<T>& task, const Lanczos& method, Context& context) {
  GramSide<T> side(a, context);
  GramVectors<T> found = iterate(a.shape(), side, task, method.basis, context);
  for (const double theta : found.theta) found.result.sigma.push_back(std::sqrt(theta));
  found.result.state.subspace = side.to_right(std::move(found.vectors));
  found.result.statistics.reads = side.reads();
  return std::move(found.result);
}

template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const Lanczos& method, Context& context) {
  if (method.form == Lanczos::Form::bidiagonal) return golub_kahan(a, task, method.basis, context);
  SvdResult<T> result = gram_form(a, task, method.basis, context);
  if (result.outcome != SvdOutcome::converged) return result;
  if (method.form == Lanczos::Form::gram) {
    // Converged for A^T A, which may have lost them to rounding.
    if (falls_short(result, task.convergence, a.shape())) result.outcome = SvdOutcome::unconfirmed;
    return result;
  }
  return with_small_values(a, task, std::move(result), method.basis, context);
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const Task<float>&, const Lanczos&, Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const Task<double>&, const Lanczos&, Context&);

template SvdResult<float> gram_subspace<float>(const LinearOperator<float>&, const Task<float>&, const Lanczos&,
                                               Context&);

}  // namespace sigmax
