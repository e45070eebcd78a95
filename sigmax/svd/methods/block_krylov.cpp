// The solver named BlockKrylov: block Lanczos on the Gram operator of the shorter side.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/ops/gram_side.hpp"
#include "sigmax/svd/krylov/block_lanczos.hpp"
#include "sigmax/svd/krylov/convergence.hpp"
#include "sigmax/svd/krylov/golub_kahan.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// The block that products are cheapest with, a column: docs/adr/0020.
constexpr std::int64_t kBlock = 4;

// What the block method chooses where it is left open.
struct Sizes {
  std::int64_t block;
  std::int64_t capacity;
  std::int64_t keep;
};

template <Real T>
Sizes sizes_of(const BlockKrylov& method, const SvdOptions<T>& options, std::int64_t n) {
  if (method.block < 0) throw Error(fmt::format("[block_krylov] block must not be negative, got {}", method.block));
  if (method.basis < 0) throw Error(fmt::format("[block_krylov] basis must not be negative, got {}", method.basis));
  const std::int64_t b = std::min({method.block > 0 ? method.block : kBlock, n, options.max_products});
  const std::int64_t wanted = method.basis > 0 ? method.basis : std::max(40 * b, 2 * options.k + 24 * b);
  const std::int64_t capacity = std::max(wanted, options.k + 4 * b);
  if (capacity + b >= n) return {b, n, n};
  return {b, capacity, std::min(options.k + (capacity - options.k) / 2, capacity - 2 * b)};
}

// `start` folded into at most `most` columns: column j is the sum of those that are j modulo `most`. A Krylov space
// takes such sums apart again.
template <Real T>
Matrix<T> folded(const Matrix<T>& start, std::int64_t most) {
  Matrix<T> x(start.rows(), std::min(start.columns(), most));
  for (std::int64_t j = 0; j < start.columns(); ++j) {
    const auto to = x.column(j % most);
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += start.column(j)[i];
  }
  return x;
}

// The largest residual of the pairs 0 ... i. Theirs grow with i, as a rule; a pair with a smaller one than those above
// it lies at the other end of the spectrum, whose vectors are found as fast, and what its place belongs to is still to
// come.
double residual_to(const RitzPairs& pairs, std::size_t i) {
  return *std::max_element(pairs.residual.begin(), pairs.residual.begin() + static_cast<std::ptrdiff_t>(i) + 1);
}

// The estimated error of theta_i, a value of the Ritz vectors 0 ... j together: their residuals squared over the
// distance to the values that are not among them, whichever j >= i says the least; no more than the residual of its
// own.
double error_of(const RitzPairs& pairs, std::size_t i) {
  double error = residual_to(pairs, i);
  double squares = 0;
  for (std::size_t j = 0; j + 1 < pairs.theta.size(); ++j) {
    squares += pairs.residual[j] * pairs.residual[j];
    const double gap = pairs.theta[i] - pairs.theta[j + 1];
    if (j >= i && gap * gap > squares) error = std::min(error, squares / gap);
  }
  return error;
}

// max over the first k pairs of error / allowed error. Of C = A^T A: d theta = 2 sigma d sigma, and the residual of C
// is sigma times that of A. Below a few units of rounding of theta_1 the product itself is nothing else.
template <Real T>
double excess_of(const RitzPairs& pairs, const SvdOptions<T>& options) {
  const double top = std::max(pairs.theta.front(), 0.0);
  double worst = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(options.k); ++i) {
    const double theta = std::max(pairs.theta[i], 0.0);
    const bool of_values = options.accuracy == Accuracy::values;
    const double error = of_values ? error_of(pairs, i) : residual_to(pairs, i);
    const double wanted = of_values ? 2 * options.tolerance * theta : options.tolerance * std::sqrt(theta * top);
    const double allowed = std::max(wanted, attainable<T>() * top);
    if (error > 0) worst = std::max(worst, allowed > 0 ? error / allowed : INFINITY);
  }
  return worst;
}

// Whether an estimate r^2 / gap can be true: an error does not fall from what the values have just changed by to less
// than a millionth of that at once. Where it seems to, the value below is far away only because the vectors between
// have not been met yet, which the next block shows.
bool plausible(const RitzPairs& pairs, std::span<const double> before, std::int64_t k, double rounding) {
  constexpr double kMillion = 1e6;
  for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
    const double change = pairs.theta[i] - (i < before.size() ? before[i] : 0);
    const bool settled = residual_to(pairs, i) <= rounding * pairs.theta.front();
    if (!settled && change > kMillion * error_of(pairs, i)) return false;
  }
  return true;
}

// How the values after the first k are looked at before these are believed.
struct Doubt {
  std::int64_t given = 0;  ///< columns of a start
  bool invariant = false;  ///< random columns were put beside an invariant space
};

// Ritz values of random vectors rise from the middle of the spectrum, and their residuals fall as they come to its end.
// A start may be good vectors of the wrong values: those after them, as many as could be its own and one of the random
// columns, must have come near to an end. More would cost what a start is to save, so that a value hidden a few percent
// above remains possible. Beside an invariant space, whose vectors have no residual and say nothing of the rest, they
// must lie below for certain.
bool believable(const RitzPairs& pairs, std::int64_t k, const Doubt& doubt, double tolerance, double rounding) {
  constexpr double kNear = 0.1;
  if (doubt.given == 0 && !doubt.invariant) return true;
  const auto last_wanted = static_cast<std::size_t>(k) - 1;
  std::int64_t seen = 0;
  for (std::size_t i = last_wanted + 1; i < pairs.theta.size() && seen < std::max<std::int64_t>(doubt.given, 1); ++i) {
    const double theta = pairs.theta[i];
    const double residual = pairs.residual[i];
    if (residual <= rounding * pairs.theta.front()) continue;
    if (residual > kNear * theta) return false;
    if (doubt.invariant && theta + residual > pairs.theta[last_wanted] * (1 + 2 * tolerance)) return false;
    ++seen;
  }
  return seen > 0;
}

// When the Ritz values are worth the O(m^3) flops of finding them: while these are few beside those of the products
// since the last look, and where the fall of the error lets expect the end.
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
  // 4/3 m^3 flops, at an eighth of the speed of a product, and to be no more than a tenth of its time.
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
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const BlockKrylov& method,
                   Context& context) {
  const SerialBlas serial;
  GramSide<T> side(a, context);
  const std::int64_t n = side.order();
  const std::int64_t k = options.k;
  const Sizes sizes = sizes_of(method, options, n);
  // One column of several stays random, so that what the start holds nothing of is found all the same.
  const Matrix<T> start = side.from_right(folded(options.start, std::max<std::int64_t>(sizes.block - 1, 1)));
  BlockLanczos<T> process(n, sizes.block, sizes.capacity, start.view(), given_or_drawn(options.random), context);
  const auto product = [&side](MatrixView<const T> x, MatrixView<T> z) { side.multiply(x, z); };

  SvdResult<T> result;
  const auto next = static_cast<std::size_t>(k);
  Doubt doubt{.given = options.start.columns()};
  const std::int64_t shown = k + sizes.block + std::min(doubt.given, n);
  Looks looks(a.shape());
  std::vector<double> before;  // the Ritz values at the last look
  for (std::int64_t step = 1; result.sigma.empty(); ++step) {
    context.check_cancel();
    process.step(product);
    if (process.filling() || process.size() < k) continue;
    const bool exhausted = process.invariant() && process.random_columns() >= k;
    doubt.invariant = doubt.invariant || (process.invariant() && !exhausted);
    const bool spent = side.products() + process.width() > options.max_products;
    if (!exhausted && !spent && !process.full() && !looks.due(step, process.size())) continue;

    const RitzPairs pairs = process.ritz(process.full() ? sizes.keep : shown);
    const double excess = excess_of(pairs, options);
    const bool good = excess <= 1 && plausible(pairs, before, k, attainable<T>()) &&
                      believable(pairs, k, doubt, options.tolerance, attainable<T>());
    before = pairs.theta;
    if (exhausted || good || spent) {
      result.products = side.products();
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
  result.method = BlockKrylov{sizes.block, sizes.capacity};
  result.reads = side.reads();
  result.random = process.random();
  if (result.outcome != SvdOutcome::converged) return result;
  SvdResult<T> finer = with_small_values(a, options, std::move(result), 0, context);
  finer.method = BlockKrylov{sizes.block, sizes.capacity};
  return finer;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const SvdOptions<float>&, const BlockKrylov&,
                                       Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const SvdOptions<double>&, const BlockKrylov&,
                                         Context&);

}  // namespace sigmax
