#include "sigmax/svd/krylov/golub_kahan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/svd/krylov/basis.hpp"
#include "sigmax/svd/krylov/convergence.hpp"
#include "sigmax/svd/krylov/krylov_loop.hpp"
#include "sigmax/svd/krylov/random_start.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// A or its transpose, whichever has the shorter vectors on the side of its columns.
template <Real T>
struct Tall {
  const LinearOperator<T>& a;
  bool transposed = a.shape().columns > a.shape().rows;
  std::int64_t rows = std::max(a.shape().rows, a.shape().columns);
  std::int64_t columns = std::min(a.shape().rows, a.shape().columns);

  void apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const {
    transposed ? a.apply_adjoint(x, y, context) : a.apply(x, y, context);
  }
  void apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const {
    transposed ? a.apply(y, x, context) : a.apply_adjoint(y, x, context);
  }
};

template <Real T>
std::int64_t basis_size(const Tall<T>& a, std::int64_t k, std::int64_t asked) {
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
  const std::int64_t affordable = kMostBytes / ((a.rows + a.columns) * static_cast<std::int64_t>(sizeof(T)));
  const std::int64_t comfortable = k == 1 ? 100 : 3 * k + 30;
  const std::int64_t wanted = asked > 0 ? asked : std::min(comfortable, affordable);
  return std::min(std::max(wanted, k + 2), a.columns);
}

// Orthonormal P (of which the first `done` vectors A has been applied to) and Q (`done` vectors), with
//
//   A P_done = Q B,   A^T Q = P W     (but for rounding)
//
// B is done x done and W all of P's vectors x done, equal to B^T above. The vectors of P from `done` on are pending.
// With B = X diag(sigma) Y^T, the triplets (sigma_i, Q x_i, P_done y_i) satisfy the first equation, and
// |A^T u_i - sigma_i v_i| = |W_pending x_i|.
template <Real T>
class Process {
 public:
  Process(const Tall<T>& a, std::int64_t k, std::int64_t basis, std::int64_t width, RandomState random,
          Context& context)
      : a_(a),
        context_(context),
        capacity_(std::max(basis_size(a, k, basis), std::min(a.columns, k + 2 * width))),
        p_(a.columns, capacity_ + std::max(width, kTogether) + kTogether, context),
        q_(a.rows, capacity_ + kTogether, context),
        b_(q_.capacity(), p_.capacity()),
        w_(p_.capacity(), q_.capacity()),
        random_(random) {}

  std::int64_t done() const { return q_.count(); }
  std::int64_t pending() const { return p_.count() - q_.count(); }
  std::int64_t products() const { return products_; }
  std::int64_t reads() const { return reads_; }
  std::int64_t capacity() const { return capacity_; }
  bool spans_all() const { return p_.count() == a_.columns; }
  RandomState random() const { return random_; }

  void start_random(std::int64_t width) {
    start_.draw(p_, width, random_);
    width_ = width;
  }

  void start_from(MatrixView<const T> start, std::int64_t width) {
    std::vector<double> ignored(static_cast<std::size_t>(p_.capacity()));
    for (std::int64_t j = 0; j < start.columns && p_.count() < std::min(width, a_.columns); ++j) {
      const MatrixView<T> x = p_.next();
      std::ranges::copy(start.column(j), x.data);
      const double before = blas1::norm<T>(x.column(0));
      if (!(before > 0)) continue;
      blas1::scale(x.column(0), 1 / before);
      const double left = p_.remove(x, 0, 0, ignored);
      if (left <= negligible<T>(a_.columns)) continue;
      blas1::scale(x.column(0), 1 / left);
      p_.accept();
    }
    width_ = p_.count();
  }

  void inject() {
    end_recurrence();
    p_.append_random(random_);
  }

  // A and A^T once each for `b` pending vectors, together.
  void multiply(std::int64_t b) {
    const std::int64_t first = done();
    if (b == pending() && first_cycle_) ++complete_steps_;
    a_.apply(std::as_const(p_).columns(first, b), q_.next(b), context_);
    for (std::int64_t j = first; j < first + b; ++j) {
      const std::span<double> h = b_.column(j);
      const double left = q_.remove(q_.columns(j, 1), j - width_, width_, h);
      h[static_cast<std::size_t>(j)] = append_to_q(left);
      largest_ = std::max(largest_, left);
    }
    const std::int64_t slot = p_.count();
    a_.apply_adjoint(std::as_const(q_).columns(first, b), p_.next(b), context_);
    for (std::int64_t j = 0; j < b; ++j) append_to_p(slot + j, first + j);
    products_ += b;
    reads_ += 2;
  }

  struct Ritz {
    SmallSvd svd;
    std::vector<double> residual;
    // The same of A^T A: sigma^2, and sigma r.
    std::vector<double> theta;
    std::vector<double> theta_residual;
  };
  // All of them: they come together.
  Ritz ritz(std::int64_t /*wanted*/) const {
    const std::int64_t n = done();
    Matrix<double> b(n, n);
    for (std::int64_t j = 0; j < n; ++j) std::copy_n(b_.column(j).begin(), n, b.column(j).begin());
    if (!std::ranges::all_of(b.values(), [](double value) { return std::isfinite(value); })) throw NotFinite{};
    Ritz result{svd_of_square(std::move(b)), {}, {}, {}};
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t p = n; p < p_.count(); ++p) {
        const double r = coupling(p, result.svd.p.column(i));
        sum += r * r;
      }
      const double sigma = result.svd.sigma[static_cast<std::size_t>(i)];
      result.residual.push_back(std::sqrt(sum));
      result.theta.push_back(sigma * sigma);
      result.theta_residual.push_back(sigma * std::sqrt(sum));
    }
    return result;
  }

  // P_done <- P_done Y_keep, Q <- Q X_keep: B becomes diag(sigma), W the same with the pending rows W_pending X_keep.
  void restart(std::int64_t keep) {
    end_recurrence();
    const SmallSvd svd = ritz(keep).svd;
    const std::int64_t n = done();
    const std::int64_t waiting = pending();
    Matrix<double> b(b_.rows(), b_.columns());
    Matrix<double> w(w_.rows(), w_.columns());
    for (std::int64_t i = 0; i < keep; ++i) {
      b(i, i) = w(i, i) = svd.sigma[static_cast<std::size_t>(i)];
      for (std::int64_t p = 0; p < waiting; ++p) w(keep + p, i) = coupling(n + p, svd.p.column(i));
    }
    p_.compress(svd.w.view().column_range(0, keep));
    q_.compress(svd.p.view().column_range(0, keep));
    for (std::int64_t p = 0; p < waiting; ++p) std::ranges::copy(p_.at(n + p), p_.at(keep + p).begin());
    p_.accept(waiting);
    b_ = std::move(b);
    w_ = std::move(w);
  }

  // The right singular vectors of A that belong to the first k Ritz triplets.
  Matrix<T> right(const Ritz& ritz, std::int64_t k) const {
    Matrix<T> result(a_.a.shape().columns, k);
    const Basis<T>& basis = a_.transposed ? q_ : p_;
    const Matrix<double>& weights = a_.transposed ? ritz.svd.p : ritz.svd.w;
    basis.combine(weights.view().column_range(0, k), result.view());
    return result;
  }

  // What the random start tells of A^T A, or A A^T if A is transposed: until the first restart or injection.
  std::vector<LanczosRecurrence> recurrences() {
    end_recurrence();
    return std::move(recurrences_);
  }

 private:
  // The vector behind Q, of norm `left`, joins it; a random one if nothing was left. Returns its norm, or 0.
  double append_to_q(double left) {
    if (left <= negligible<T>(a_.rows) * largest_ || !(left > 0)) {
      q_.append_random(random_);
      return 0;
    }
    blas1::scale(q_.next().column(0), 1 / left);
    q_.accept();
    return left;
  }

  // Vector `slot` >= P's count holds A^T q_j: into P with what P leaves of it.
  void append_to_p(std::int64_t slot, std::int64_t j) {
    const std::int64_t count = p_.count();
    const MatrixView<T> x = p_.columns(count, 1);
    if (slot != count) std::ranges::copy(p_.at(slot), x.data);
    const std::span<double> h = w_.column(j);
    const double left = p_.remove(x, j - width_ + 1, 2 * width_, h);
    largest_ = std::max(largest_, left);
    if (count == a_.columns || left <= negligible<T>(a_.rows) * largest_) return;
    h[static_cast<std::size_t>(count)] = left;
    blas1::scale(x.column(0), 1 / left);
    p_.accept();
  }

  // A^T A P_done = A^T Q B = P W B
  void end_recurrence() {
    if (first_cycle_) {
      Matrix<double> h(p_.count(), done());
      for (std::int64_t j = 0; j < h.columns(); ++j) {
        for (std::int64_t l = 0; l < h.columns(); ++l) {
          for (std::int64_t i = 0; i < h.rows(); ++i) h(i, j) += w_(i, l) * b_(l, j);
        }
      }
      recurrences_ =
          start_.recurrences(std::as_const(h).view(), h.rows(), h.columns(), pending() == 0 ? done() : complete_steps_);
    }
    first_cycle_ = false;
  }

  // (W x)_p
  double coupling(std::int64_t p, std::span<const double> x) const {
    double sum = 0;
    for (std::int64_t j = 0; j < done(); ++j) sum += w_(p, j) * x[static_cast<std::size_t>(j)];
    return sum;
  }

  const Tall<T>& a_;
  Context& context_;
  std::int64_t capacity_;
  Basis<T> p_;
  Basis<T> q_;
  Matrix<double> b_;
  Matrix<double> w_;
  std::int64_t products_ = 0;
  std::int64_t reads_ = 0;
  double largest_ = 0;
  RandomState random_;
  std::int64_t width_ = 1;  // vectors begun with
  bool first_cycle_ = true;
  std::int64_t complete_steps_ = 0;  // of the first cycle, those that took all that was pending
  RandomStart<T> start_;
  std::vector<LanczosRecurrence> recurrences_;
};

template <Real T>
SvdResult<T> finish(const LinearOperator<T>& a, Process<T>& process, const typename Process<T>::Ritz& ritz,
                    SvdOutcome outcome, std::int64_t k, Context& context) {
  SvdResult<T> result;
  const auto& sigma = ritz.svd.sigma;
  const std::int64_t found = std::min(k, static_cast<std::int64_t>(sigma.size()));
  Matrix<T> right(a.shape().columns, k);  // zeros where max_products was less than k: arbitrary directions
  const Matrix<T> some = process.right(ritz, found);
  std::ranges::copy(some.values(), right.values().begin());
  take(result, triplets_from_right<T>(a, std::as_const(right).view(), context), k);
  if (static_cast<std::int64_t>(sigma.size()) > k) result.next = sigma[static_cast<std::size_t>(k)];
  result.outcome = outcome;
  result.method = Lanczos{.form = Lanczos::Form::bidiagonal, .basis = process.capacity()};
  result.products = process.products();
  result.reads = process.reads() + (k + kTogether - 1) / kTogether;
  result.recurrences = process.recurrences();
  result.theta = sigma.front() * sigma.front();
  result.random = process.random();
  return result;
}

}  // namespace

// What the Gram form cannot do shows in the residuals of the triplets, evaluated with A itself: those of theta, at best
// a few u sigma_1^2, come out as that much over sigma_i.
template <Real T>
bool falls_short(const SvdResult<T>& result, const SvdOptions<T>& options, const Shape& shape) {
  const auto longer = static_cast<double>(std::max(shape.rows, shape.columns));
  const double rounding = std::fmax(64, 4 * std::sqrt(longer)) * static_cast<double>(std::numeric_limits<T>::epsilon());
  const TripletTolerance wanted{options.accuracy, options.tolerance, rounding};
  std::vector<double> sigma = result.sigma;
  std::vector<double> residual = result.residual;
  for (double& value : residual) value *= sigma.front();
  if (result.next > 0) sigma.push_back(std::min(result.next, sigma.back()));
  return wanted.excess(sigma, residual, options.k) > 4;  // an estimate may be wrong by a little: orders are meant
}

// A step of the loop (krylov_loop.hpp):
//   y = A p for the pending p;  b = Q^T y;  y -= Q b;  q_next = y / |y|
//   x = A^T q_next;  w = P^T x;  x -= P w;  p_next = x / |x|, pending
//   (X, sigma, Y) = the SVD of B;  r = |W_pending x|
template <Real T>
SvdResult<T> golub_kahan(const LinearOperator<T>& a, const SvdOptions<T>& options, std::int64_t basis,
                         Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const Tall<T> tall{a};
  const std::int64_t k = options.k;
  const std::int64_t width = std::min({options.start.columns(), std::max(k, kTogether), tall.columns});
  Process<T> process(tall, k, basis, width, given_or_drawn(options.random), context);
  if (width > 0 && !tall.transposed) process.start_from(options.start.view(), width);
  if (width > 0 && tall.transposed) {
    Matrix<T> image(tall.columns, width);
    a.apply(options.start.view().column_range(0, width), image.view(), context);
    process.start_from(std::as_const(image).view(), width);
  }
  const bool random_start = process.pending() == 0;
  // As in lanczos().
  if (random_start) process.start_random(std::min<std::int64_t>(2, tall.columns));

  const TripletTolerance wanted{options.accuracy, options.tolerance, attainable<T>()};
  const auto end = run_krylov(
      process, {k, options.max_products, random_start, 2 * options.tolerance, negligible<T>(tall.rows)},
      [&](const auto& ritz) { return wanted.excess(ritz.svd.sigma, ritz.residual, k); }, context);
  return finish(a, process, end.ritz, end.converged ? SvdOutcome::converged : SvdOutcome::out_of_products, k, context);
}

template <Real T>
SvdResult<T> with_small_values(const LinearOperator<T>& a, const SvdOptions<T>& options, SvdResult<T> result,
                               std::int64_t basis, Context& context) {
  if (result.products >= options.max_products || !falls_short(result, options, a.shape())) return result;
  SvdOptions<T> rest = options;
  rest.start = result.subspace;
  rest.max_products -= result.products;
  rest.random = result.random;
  SvdResult<T> finer = golub_kahan(a, rest, basis, context);
  finer.products += result.products;
  finer.reads += result.reads;
  finer.recurrences = std::move(result.recurrences);
  finer.theta = result.theta;
  return finer;
}

template SvdResult<float> golub_kahan<float>(const LinearOperator<float>&, const SvdOptions<float>&, std::int64_t,
                                             Context&);
template SvdResult<double> golub_kahan<double>(const LinearOperator<double>&, const SvdOptions<double>&, std::int64_t,
                                               Context&);
template bool falls_short<float>(const SvdResult<float>&, const SvdOptions<float>&, const Shape&);
template bool falls_short<double>(const SvdResult<double>&, const SvdOptions<double>&, const Shape&);
template SvdResult<float> with_small_values<float>(const LinearOperator<float>&, const SvdOptions<float>&,
                                                   SvdResult<float>, std::int64_t, Context&);
template SvdResult<double> with_small_values<double>(const LinearOperator<double>&, const SvdOptions<double>&,
                                                     SvdResult<double>, std::int64_t, Context&);

}  // namespace sigmax
