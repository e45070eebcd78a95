// The solver named BlockKrylov: block Lanczos on the Gram operator of the shorter side.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/linalg/blas.hpp"
#include "sigmax/ops/gram_side.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/krylov/block_lanczos.hpp"
#include "sigmax/svd/krylov/golub_kahan.hpp"
#include "sigmax/svd/krylov/schedule.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// The block size with the cheapest products per column: docs/adr/0020.
constexpr std::int64_t kBlock = 4;

// The block method's choices for open options.
struct Sizes {
  std::int64_t block;
  std::int64_t capacity;
  std::int64_t keep;
};

template <Real T>
Sizes sizes_of(const BlockKrylov& method, const Task<T>& task, std::int64_t n) {
  const std::int64_t k = task.k();
  const std::int64_t b = std::min({method.block.value_or(kBlock), n, task.max_products});
  const std::int64_t wanted = method.basis.value_or(std::max(40 * b, 2 * k + 24 * b));
  const std::int64_t capacity = std::max(wanted, k + 4 * b);
  if (capacity + b >= n) return {b, n, n};
  return {b, capacity, std::min(k + (capacity - k) / 2, capacity - 2 * b)};
}

// `start` folded into at most `most` columns: column j is the sum of the columns with index j modulo `most`. A Krylov
// space separates such sums again.
template <Real T>
Matrix<T> folded(const Matrix<T>& start, std::int64_t most) {
  Matrix<T> x(start.rows(), std::min(start.columns(), most));
  for (std::int64_t j = 0; j < start.columns(); ++j) {
    const auto to = x.column(j % most);
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += start.column(j)[i];
  }
  return x;
}

// Whether an estimate r^2 / gap can be true: an error does not fall in one step from the values' last change to less
// than a millionth of it. If it seems to, the value below is far away only because the vectors between have not been
// found yet; the next block shows this.
bool is_plausible(const RitzPairs& pairs, std::span<const double> before, std::int64_t k, double rounding) {
  constexpr double kMillion = 1e6;
  for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
    const double change = pairs.theta[i] - (i < before.size() ? before[i] : 0);
    const bool settled = residual_to(pairs.residual, i) <= rounding * pairs.theta.front();
    if (!settled && change > kMillion * estimated_error_of_set(pairs.theta, pairs.residual, i)) return false;
  }
  return true;
}

// How the values after the first k are checked before the first k are accepted.
struct Doubt {
  std::int64_t given = 0;  ///< columns of a start
  bool invariant = false;  ///< random columns were added to an invariant space
};

// Ritz values of random vectors rise from the middle of the spectrum, and their residuals fall as they approach its
// end. A start may consist of good vectors of the wrong values. So the values after the first k, as many as could come
// from the start plus one from the random columns, must be almost converged. Checking more would cost what a start is
// meant to save, so a hidden value a few percent above remains possible. Next to an invariant space, whose vectors have
// no residual and say nothing about the rest, the values must be certain to lie below.
bool is_believable(const RitzPairs& pairs, const Convergence& wanted, const Doubt& doubt, double rounding) {
  constexpr double kNear = 0.1;
  if (doubt.given == 0 && !doubt.invariant) return true;
  const auto last_wanted = static_cast<std::size_t>(wanted.k) - 1;
  std::int64_t seen = 0;
  for (std::size_t i = last_wanted + 1; i < pairs.theta.size() && seen < std::max<std::int64_t>(doubt.given, 1); ++i) {
    const double theta = pairs.theta[i];
    const double residual = pairs.residual[i];
    if (residual <= rounding * pairs.theta.front()) continue;
    if (residual > kNear * theta) return false;
    if (doubt.invariant && theta + residual > pairs.theta[last_wanted] * (1 + wanted.of_theta())) return false;
    ++seen;
  }
  return seen > 0;
}

// When the Ritz values are worth the O(m^3) flops of computing them: while these flops are few compared with those of
// the products since the last check, and if the fall of the error makes the end likely.
class Looks {
 public:
  explicit Looks(const Shape& shape)
      : flops_of_product_(4 * static_cast<double>(shape.rows) * static_cast<double>(shape.columns)) {}

  bool due(std::int64_t step, std::int64_t size) const {
    const auto m = static_cast<double>(size);
    return kCost * m * m * m <= flops_of_product_ * (m - last_) || schedule_.due(step);
  }
  void looked(std::int64_t step, std::int64_t size, double excess) {
    last_ = static_cast<double>(size);
    schedule_.looked(step, std::max(excess, 1.0));
  }
  void restarted(std::int64_t step, std::int64_t size) {
    last_ = static_cast<double>(size);
    schedule_.restart(step);
  }

 private:
  // 4/3 m^3 flops, at an eighth of the speed of a product; they should take at most a tenth of its time.
  static constexpr double kCost = 4.0 / 3 * 8 * 10;
  double flops_of_product_;
  double last_ = 0;
  Schedule schedule_;
};

}  // namespace

// Q_1 = orth([start, random]);  for j = 1, 2, ...
//   a step of block Lanczos;  now and then (theta, W) = the top eigenpairs of H, and their residuals
//   stop if those are small, or the space is invariant and spans enough of the random columns to hold every copy
//   if the basis is full: keep the best Ritz vectors and the newest block
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const BlockKrylov& method, Context& context) {
  const SerialBlas serial;
  GramSide<T> side(a, context);
  const std::int64_t n = side.order();
  const Convergence& wanted = task.convergence;
  const std::int64_t k = wanted.k;
  const Sizes sizes = sizes_of(method, task, n);
  // If there are several columns, one stays random, so that values missing from the start are still found.
  const Matrix<T> start = side.from_right(folded(task.start, std::max<std::int64_t>(sizes.block - 1, 1)));
  BlockLanczos<T> process(n, sizes.block, sizes.capacity, start.view(), task.random, context);
  const auto product = [&side](MatrixView<const T> x, MatrixView<T> z) { side.multiply(x, z); };

  SvdResult<T> result;
  const auto next = static_cast<std::size_t>(k);
  Doubt doubt{.given = task.start.columns()};
  const std::int64_t shown = k + sizes.block + std::min(doubt.given, n);
  Looks looks(a.shape());
  std::vector<double> before;  // the Ritz values at the last check
  for (std::int64_t step = 1; result.sigma.empty(); ++step) {
    context.check_cancel();
    process.step(product);
    if (process.filling() || process.size() < k) continue;
    const bool exhausted = process.invariant() && process.random_columns() >= k;
    doubt.invariant = doubt.invariant || (process.invariant() && !exhausted);
    const bool spent = side.products() + process.width() > task.max_products;
    if (!exhausted && !spent && !process.full() && !looks.due(step, process.size())) continue;

    const RitzPairs pairs = process.ritz(process.full() ? sizes.keep : shown);
    const double excess = wanted.excess_of_sets(pairs.theta, pairs.residual, attainable<T>());
    const bool good = excess <= 1 && is_plausible(pairs, before, k, attainable<T>()) &&
                      is_believable(pairs, wanted, doubt, attainable<T>());
    before = pairs.theta;
    if (exhausted || good || spent) {
      result.statistics.products = side.products();
      take(result, triplets_from(side, std::as_const(process).vectors(pairs, k)), k);
      result.outcome = exhausted || good ? SvdOutcome::converged : SvdOutcome::out_of_products;
      if (next < pairs.theta.size()) result.next = std::sqrt(std::max(pairs.theta[next], 0.0));
    } else if (process.full()) {
      process.restart(pairs);
      looks.restarted(step, process.size());
    } else {
      looks.looked(step, process.size(), excess);
    }
  }
  result.statistics.method = BlockKrylov{sizes.block, sizes.capacity};
  result.statistics.reads = side.reads();
  result.state.random = process.random();
  if (result.outcome != SvdOutcome::converged) return result;
  SvdResult<T> finer = with_small_values(a, task, std::move(result), std::nullopt, context);
  finer.statistics.method = BlockKrylov{sizes.block, sizes.capacity};
  return finer;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const Task<float>&, const BlockKrylov&, Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const Task<double>&, const BlockKrylov&,
                                         Context&);

}  // namespace sigmax
