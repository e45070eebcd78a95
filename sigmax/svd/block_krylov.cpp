#include "sigmax/svd/block_krylov.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/svd/blas.hpp"
#include "sigmax/svd/gram_side.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

template <Real T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

// Fills the columns of x from `first` on with independent standard normals.
template <Real T>
RandomState fill_normal_columns(RandomState random, MatrixView<T> x, std::int64_t first) {
  std::vector<double> normal(static_cast<std::size_t>(x.rows));
  for (std::int64_t j = first; j < x.columns; ++j) {
    random = fill_normal(random, normal);
    std::transform(normal.begin(), normal.end(), x.column(j).begin(), [](double v) { return static_cast<T>(v); });
  }
  return random;
}

}  // namespace

template <Real T>
BlockLanczos<T>::BlockLanczos(std::int64_t n, std::int64_t block, std::int64_t capacity, MatrixView<const T> first,
                              const RandomState& random, Context& context)
    : basis_(n, capacity + block, context),
      capacity_(capacity),
      h_(static_cast<std::size_t>(capacity * capacity)),
      random_(random) {
  const MatrixView<T> x = basis_.next(block);
  for (std::int64_t j = 0; j < first.columns; ++j) {
    std::copy(first.column(j).begin(), first.column(j).end(), x.column(j).begin());
  }
  random_ = fill_normal_columns(random_, x, first.columns);
  const std::int64_t rank = basis_.append(block, 0, random_).rank;
  random_in_next_ = block - first.columns + (block - rank);
}

template <Real T>
void BlockLanczos<T>::enter(const Matrix<double>& found) {
  const auto at = [this](std::int64_t i, std::int64_t j) -> double& {
    return h_[static_cast<std::size_t>(i + j * capacity_)];
  };
  for (std::int64_t j = 0; j < found.columns(); ++j) {
    for (std::int64_t i = 0; i < size_ + found.columns(); ++i) {
      // The newest diagonal block is measured twice, as itself and as its transpose.
      const double value = i < size_ ? found(i, j) : (found(i, j) + found(size_ + j, i - size_)) / 2;
      at(i, size_ + j) = value;
      at(size_ + j, i) = value;
    }
  }
}

// Z = C Q_j;  H_j = Q^T Z;  Z - Q H_j = Q_{j+1} R
template <Real T>
void BlockLanczos<T>::step(const Product& product) {
  const std::int64_t n = basis_.order();
  const std::int64_t count = basis_.count();
  const std::int64_t p = width();
  const MatrixView<T> z = basis_.next(p);
  product(std::as_const(basis_).columns(size_, p), z);
  random_columns_ += random_in_next_;
  if (n - count >= p) {
    double scale = 0;
    for (std::int64_t i = 0; i < size_; ++i) scale = std::max(scale, h_[static_cast<std::size_t>(i * (capacity_ + 1))]);
    const auto found = basis_.append(p, std::sqrt(static_cast<double>(n)) * kEpsilon<T> * scale, random_);
    enter(found.c);
    coupling_ = found.r;
    random_in_next_ = p - found.rank;
    invariant_ = found.rank == 0;
  } else {
    // Fewer dimensions are left than the block has columns: all of them come in, and with them whatever Z leads to.
    enter(basis_.orthogonalize(z));
    while (basis_.count() < n) basis_.append_random(random_);
    coupling_ = Matrix<double>(0, p);
    random_in_next_ = n - count;
    filling_ = count < n;
    invariant_ = !filling_;
    if (invariant_) random_columns_ = n;
  }
  size_ += p;
}

template <Real T>
RitzPairs BlockLanczos<T>::ritz(std::int64_t wanted) const {
  const int n = static_cast<int>(size_);
  const int count = static_cast<int>(std::min(wanted, size_));
  std::vector<double> h(static_cast<std::size_t>(size_ * size_));
  for (std::int64_t j = 0; j < size_; ++j)
    std::copy_n(&h_[static_cast<std::size_t>(j * capacity_)], n, &h[static_cast<std::size_t>(j * size_)]);
  std::vector<double> values(static_cast<std::size_t>(n));
  Matrix<double> ascending(size_, count);
  std::vector<int> support(static_cast<std::size_t>(2 * std::max(count, 1)));
  std::vector<double> work(static_cast<std::size_t>(32 * n + 64));
  std::vector<int> integer_work(static_cast<std::size_t>(10 * n));
  const int work_size = static_cast<int>(work.size());
  const int integer_size = static_cast<int>(integer_work.size());
  const int first = n - count + 1;
  const double unused = 0;
  int found = 0;
  int info = 0;
  dsyevr_("V", "I", "L", &n, h.data(), &n, &unused, &unused, &first, &n, &unused, &found, values.data(),
          ascending.values().data(), &n, support.data(), work.data(), &work_size, integer_work.data(), &integer_size,
          &info);
  if (info != 0 || found != count) throw Error(fmt::format("[block_krylov] dsyevr failed, info {}", info));

  RitzPairs pairs{{}, {}, Matrix<double>(size_, count)};
  const std::int64_t last = size_ - coupling_.columns();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto from = ascending.column(count - 1 - i);
    std::copy(from.begin(), from.end(), pairs.weights.column(i).begin());
    pairs.theta.push_back(values[static_cast<std::size_t>(count - 1 - i)]);
    double squares = 0;
    for (std::int64_t row = 0; row < coupling_.rows(); ++row) {
      double sum = 0;
      for (std::int64_t j = 0; j < coupling_.columns(); ++j) sum += coupling_(row, j) * pairs.weights(last + j, i);
      squares += sum * sum;
    }
    pairs.residual.push_back(std::sqrt(squares));
  }
  return pairs;
}

template <Real T>
Matrix<T> BlockLanczos<T>::vectors(const RitzPairs& pairs, std::int64_t count) const {
  Matrix<T> x(basis_.order(), count);
  basis_.combine(pairs.weights.view().column_range(0, count), x.view());
  return x;
}

template <Real T>
void BlockLanczos<T>::restart(const RitzPairs& kept) {
  const std::int64_t keep = kept.weights.columns();
  const std::int64_t p = width();
  Matrix<double> weights(basis_.count(), keep + p);
  for (std::int64_t j = 0; j < keep; ++j) {
    std::copy(kept.weights.column(j).begin(), kept.weights.column(j).end(), weights.column(j).begin());
  }
  for (std::int64_t j = 0; j < p; ++j) weights(size_ + j, keep + j) = 1;
  basis_.compress(std::as_const(weights).view());
  for (std::int64_t j = 0; j < keep; ++j) {
    for (std::int64_t i = 0; i < keep; ++i) {
      h_[static_cast<std::size_t>(i + j * capacity_)] = i == j ? kept.theta[static_cast<std::size_t>(i)] : 0;
    }
  }
  size_ = keep;
}

template class BlockLanczos<float>;
template class BlockLanczos<double>;

namespace {

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
  const std::int64_t wanted_block = method.block > 0 ? method.block : (options.k == 1 ? 4 : 8);
  const std::int64_t b = std::min({wanted_block, n, options.max_products});
  const std::int64_t wanted = method.basis > 0 ? method.basis : std::max(32 * b, 2 * options.k + 16 * b);
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

// The estimated error of theta_i, a value of the Ritz vectors 0 ... j together: their residuals squared over the
// distance to the values that are not among them, whichever j >= i says the least; no more than the residual of its
// own.
double error_of(const RitzPairs& pairs, std::size_t i) {
  double error = pairs.residual[i];
  double squares = 0;
  for (std::size_t j = 0; j + 1 < pairs.theta.size(); ++j) {
    squares += pairs.residual[j] * pairs.residual[j];
    const double gap = pairs.theta[i] - pairs.theta[j + 1];
    if (j >= i && gap * gap > squares) error = std::min(error, squares / gap);
  }
  return error;
}

// Of C = A^T A: d theta = 2 sigma d sigma, and the residual of C is sigma times that of A. Below `unit` theta_0 the
// product itself is nothing but rounding.
bool converged(const RitzPairs& pairs, std::int64_t k, Accuracy accuracy, double tolerance, double unit) {
  const double top = std::max(pairs.theta.front(), 0.0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
    const double theta = std::max(pairs.theta[i], 0.0);
    const bool good = accuracy == Accuracy::values
                          ? error_of(pairs, i) <= std::max(2 * tolerance * theta, unit * top)
                          : pairs.residual[i] <= std::max(tolerance * std::sqrt(theta * top), unit * top);
    if (!good) return false;
  }
  return true;
}

// Whether values after the first k are known well enough to say that none of the wanted ones is hidden behind them:
// Ritz values of random vectors rise from the middle of the spectrum, and their residuals fall as they come to its end.
// `given` of the vectors may come from a start, and those without a residual from an invariant space; neither tells
// anything of the rest.
bool nothing_above(const RitzPairs& pairs, std::int64_t k, std::int64_t given, double tolerance, double unit) {
  const auto last_wanted = static_cast<std::size_t>(k) - 1;
  std::int64_t seen = 0;
  for (std::size_t i = last_wanted + 1; i < pairs.theta.size() && seen < std::max<std::int64_t>(given, 1); ++i) {
    const double theta = pairs.theta[i];
    const double residual = pairs.residual[i];
    if (residual <= unit * pairs.theta.front()) continue;
    if (residual > 0.1 * theta || theta + residual > pairs.theta[last_wanted] * (1 + 2 * tolerance)) return false;
    ++seen;
  }
  return seen > 0;
}

// When the Ritz values are worth the O(m^3) flops of finding them: while these are few beside those of the products
// since the last time, and at least each time that m has grown by a fifth.
class Checks {
 public:
  explicit Checks(double flops_per_column) : flops_per_column_(flops_per_column) {}

  bool due(std::int64_t size) {
    const auto m = static_cast<double>(size);
    const double columns = m - last_;
    if (columns > 0 && m < 1.2 * last_ && kCost * m * m * m > flops_per_column_ * columns) return false;
    last_ = m;
    return true;
  }
  void restarted(std::int64_t size) { last_ = static_cast<double>(size); }

 private:
  // 4/3 flops, at an eighth of the speed of a product, and to be no more than a tenth of its time.
  static constexpr double kCost = 4.0 / 3 * 8 * 10;
  double flops_per_column_;
  double last_ = 0;
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
  // One column at least stays random: what the start holds nothing of is found all the same.
  const Matrix<T> start = side.from_right(folded(options.start, std::max<std::int64_t>(sizes.block - 1, 1)));
  BlockLanczos<T> process(n, sizes.block, sizes.capacity, start.view(), options.random, context);
  const Shape shape = a.shape();
  Checks checks(4 * static_cast<double>(shape.rows) * static_cast<double>(shape.columns));
  const auto product = [&side](MatrixView<const T> x, MatrixView<T> z) { side.multiply(x, z); };

  SvdResult<T> result;
  const auto next = static_cast<std::size_t>(k);
  // A start may be good vectors of the wrong values; so may an invariant space that random columns were added to. The
  // answer is then taken from them only once the rest of the space is seen to lie below.
  const std::int64_t given = options.start.columns();
  bool doubtful = given > 0;
  const std::int64_t shown = k + sizes.block + std::min(given, n);
  for (bool done = false; !done;) {
    context.check_cancel();
    process.step(product);
    if (process.filling() || process.size() < k) continue;
    const bool exhausted = process.invariant() && process.random_columns() >= k;
    doubtful = doubtful || (process.invariant() && !exhausted);
    const bool spent = side.products() + process.width() > options.max_products;
    if (!exhausted && !spent && !process.full() && !checks.due(process.size())) continue;

    const RitzPairs pairs = process.ritz(process.full() ? sizes.keep : shown);
    bool good = process.size() > sizes.block && converged(pairs, k, options.accuracy, options.tolerance, kEpsilon<T>);
    good = good && (!doubtful || nothing_above(pairs, k, given, options.tolerance, kEpsilon<T>));
    done = exhausted || good || spent;
    if (done) {
      const Matrix<T> x = process.vectors(pairs, k);
      take(result, side.triplets(x.view()), k);
      result.outcome = exhausted || good ? SvdOutcome::converged : SvdOutcome::out_of_products;
      if (next < pairs.theta.size()) result.next = std::sqrt(std::max(pairs.theta[next], 0.0));
    } else if (process.full()) {
      process.restart(pairs);
      checks.restarted(process.size());
    }
  }
  result.method = BlockKrylov{sizes.block, sizes.capacity};
  result.products = side.products();
  result.reads = side.reads();
  result.random = process.random();
  return result;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const SvdOptions<float>&, const BlockKrylov&,
                                       Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const SvdOptions<double>&, const BlockKrylov&,
                                         Context&);

}  // namespace sigmax
