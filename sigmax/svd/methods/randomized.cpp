#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/ops/gram_side.hpp"
#include "sigmax/svd/krylov/basis.hpp"
#include "sigmax/svd/krylov/random_start.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

std::int64_t columns_of(const Randomized& method, std::int64_t k, std::int64_t start, std::int64_t n) {
  if (method.oversampling < 0) {
    throw Error(fmt::format("[randomized] oversampling must not be negative, got {}", method.oversampling));
  }
  if (method.power_steps < 0) {
    throw Error(fmt::format("[randomized] power_steps must not be negative, got {}", method.power_steps));
  }
  return std::min(k + std::min(method.oversampling, n) + start, n);
}

// Independent standard normals after `start`, orthonormalized.
template <Real T>
void fill(Basis<T>& basis, const Matrix<T>& start, RandomState& random) {
  const MatrixView<T> x = basis.next(basis.capacity());
  for (std::int64_t j = 0; j < start.columns(); ++j) std::ranges::copy(start.column(j), x.column(j).begin());
  random = fill_normal_columns(random, x, start.columns());
  basis.append(x.columns, 0, random);
}

}  // namespace

// X = orth([start, Omega]);  q + 1 times: X = orth(C X); the triplets in span(X)
//
// Halko, Martinsson and Tropp's algorithm 4.4 ends with an orthonormal Q of the range of (A A^T)^q A Omega, and 5.1
// with the decomposition of B = Q^T A, whose right vectors are in span(A^T Q) = span((A^T A)^(q+1) Omega): the space
// that the loop ends with on the side of the columns. Its Rayleigh-Ritz triplets are those of B after half a step more.
// If A has fewer rows than columns, A^T takes the place of A.
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const Randomized& method, Context& context) {
  GramSide<T> side(a, context);
  const std::int64_t n = side.order();
  const std::int64_t p = columns_of(method, task.k(), task.start.columns(), n);
  SvdResult<T> result;
  result.state.random = task.random;
  Basis<T> one(n, p, context);
  Basis<T> other(n, p, context);
  Basis<T>* x = &one;
  Basis<T>* next = &other;
  fill(*x, side.from_right(task.start), result.state.random);
  for (std::int64_t step = 0; step <= method.power_steps; ++step) {
    context.check_cancel();
    next->truncate(0);
    side.multiply(x->columns(0, p), next->next(p));
    next->append(p, 0, result.state.random);
    std::swap(x, next);
  }
  Matrix<T> last(n, p);
  for (std::int64_t j = 0; j < p; ++j) std::copy(x->at(j).begin(), x->at(j).end(), last.column(j).begin());
  result.statistics.products = side.products();
  Triplets<T> triplets = triplets_from(side, last);
  if (static_cast<std::int64_t>(triplets.sigma.size()) > task.k()) {
    result.next = triplets.sigma[static_cast<std::size_t>(task.k())];
  }
  take(result, std::move(triplets), task.k());
  result.outcome = SvdOutcome::completed;
  result.statistics.method = method;
  result.statistics.reads = side.reads();
  return result;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const Task<float>&, const Randomized&, Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const Task<double>&, const Randomized&,
                                         Context&);

}  // namespace sigmax
