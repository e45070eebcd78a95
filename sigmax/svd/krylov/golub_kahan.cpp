#include "sigmax/svd/krylov/golub_kahan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/reads.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/svd/certificate_contents.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/krylov/basis.hpp"
#include "sigmax/svd/krylov/krylov_loop.hpp"
#include "sigmax/svd/krylov/process.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// A or its transpose, whichever has the shorter vectors on its column side.
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
std::int64_t basis_size(const Tall<T>& a, std::int64_t k, std::optional<std::int64_t> given) {
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
  const std::int64_t affordable = kMostBytes / ((a.rows + a.columns) * static_cast<std::int64_t>(sizeof(T)));
  const std::int64_t comfortable = k == 1 ? 100 : 3 * k + 30;
  const std::int64_t wanted = given.value_or(std::min(comfortable, affordable));
  return std::min(std::max(wanted, k + 2), a.columns);
}

// Orthonormal P and Q, with as many vectors in Q as P has done, and
//
//   A P_done = Q B,   A^T Q = P H     (up to rounding)
//
// H = [B^T; H_pending]. With B = X diag(sigma) Y^T, the triplets (sigma_i, Q x_i, P_done y_i) satisfy the first
// equation, and |A^T u_i - sigma_i v_i| = |H_pending x_i|.
template <Real T>
class BidiagonalForm final : public KrylovProcess<T> {
 public:
  BidiagonalForm(const Tall<T>& a, std::int64_t capacity, std::int64_t room, const RandomState& random,
                 Context& context)
      : KrylovProcess<T>(a.columns, capacity, room, capacity + kernels::kColumnsARead, random, context),
        a_(a),
        context_(context),
        q_(a.rows, capacity + kernels::kColumnsARead, context),
        b_(q_.capacity(), room) {}

  // A and A^T once each for `b` pending vectors, together.
  void multiply(std::int64_t b) {
    const std::int64_t first = done_;
    this->count(b, 2);
    a_.apply(std::as_const(basis_).columns(first, b), q_.next(b), context_);
    for (std::int64_t j = first; j < first + b; ++j) {
      const std::span<double> h = b_.column(j);
      const double left = q_.remove(q_.columns(j, 1), j - this->width_, this->width_, h);
      h[static_cast<std::size_t>(j)] = append_to_q(left);
      largest_ = std::max(largest_, left);
    }
    const std::int64_t slot = basis_.count();
    a_.apply_adjoint(std::as_const(q_).columns(first, b), basis_.next(b), context_);
    for (std::int64_t j = 0; j < b; ++j) take(slot + j, first + j);
    done_ += b;
  }

  struct Ritz {
    SmallSvd svd;
    std::vector<double> residual;
    // As pairs of A^T A: sigma^2, and sigma r.
    std::vector<double> theta;
    std::vector<double> theta_residual;
  };
  // All of them: they are computed together.
  Ritz ritz(std::int64_t /*wanted*/) const {
    Matrix<double> b(done_, done_);
    for (std::int64_t j = 0; j < done_; ++j) std::copy_n(b_.column(j).begin(), done_, b.column(j).begin());
    if (!std::ranges::all_of(b.values(), [](double value) { return std::isfinite(value); })) throw NotFinite{};
    Ritz result{svd_of_square(std::move(b)), {}, {}, {}};
    for (std::int64_t i = 0; i < done_; ++i) {
      const double residual = this->residual_of(result.svd.p.column(i));
      const double sigma = result.svd.sigma[static_cast<std::size_t>(i)];
      result.residual.push_back(residual);
      result.theta.push_back(sigma * sigma);
      result.theta_residual.push_back(sigma * residual);
    }
    return result;
  }

  // Q <- Q X_keep, and B becomes diag(sigma).
  void restart(std::int64_t keep) {
    const SmallSvd svd = ritz(keep).svd;
    const MatrixView<const double> x = svd.p.view().column_range(0, keep);
    this->reduce(svd.sigma, x);
    this->compress(svd.w.view().column_range(0, keep));
    q_.compress(x);
    Matrix<double> b(b_.rows(), b_.columns());
    for (std::int64_t i = 0; i < keep; ++i) b(i, i) = svd.sigma[static_cast<std::size_t>(i)];
    b_ = std::move(b);
  }

  // The right singular vectors of A that belong to the first k Ritz triplets.
  Matrix<T> right(const Ritz& ritz, std::int64_t k) const {
    Matrix<T> result(a_.a.shape().columns, k);
    const Basis<T>& basis = a_.transposed ? q_ : basis_;
    const Matrix<double>& weights = a_.transposed ? ritz.svd.p : ritz.svd.w;
    basis.combine(weights.view().column_range(0, k), result.view());
    return result;
  }

 private:
  using KrylovProcess<T>::basis_;  // P
  using KrylovProcess<T>::done_;
  using KrylovProcess<T>::h_;

  // The vector after Q, of norm `left`, joins Q; a random vector joins if nothing was left. Returns its norm, or 0.
  double append_to_q(double left) {
    if (left <= negligible<T>(a_.rows) * largest_ || !(left > 0)) {
      q_.append_random(this->random_);
      return 0;
    }
    blas1::scale(q_.next().column(0), 1 / left);
    q_.accept();
    return left;
  }

  // Vector `slot` >= P's count holds A^T q_j: its remainder after projection joins P.
  void take(std::int64_t slot, std::int64_t j) {
    const double left = this->orthogonalize(slot, j + 1, j);
    largest_ = std::max(largest_, left);
    this->join(left, j, negligible<T>(a_.rows) * largest_);
  }

  // The recurrences of A^T A, or A A^T if A is transposed: A^T A P_done = A^T Q B = P H B
  std::vector<LanczosRecurrence> read_recurrences() override {
    Matrix<double> h(basis_.count(), done_);
    for (std::int64_t j = 0; j < h.columns(); ++j) {
      for (std::int64_t l = 0; l < h.columns(); ++l) {
        for (std::int64_t i = 0; i < h.rows(); ++i) h(i, j) += h_(i, l) * b_(l, j);
      }
    }
    return this->start_.recurrences(std::as_const(h).view(), h.rows(), h.columns(), this->steps_known());
  }

  const Tall<T>& a_;
  Context& context_;
  Basis<T> q_;
  Matrix<double> b_;
  double largest_ = 0;
};

template <Real T>
SvdResult<T> finish(const LinearOperator<T>& a, BidiagonalForm<T>& process,
                    const typename BidiagonalForm<T>::Ritz& ritz, SvdOutcome outcome, std::int64_t k,
                    Context& context) {
  SvdResult<T> result;
  const auto& sigma = ritz.svd.sigma;
  const std::int64_t found = std::min(k, static_cast<std::int64_t>(sigma.size()));
  Matrix<T> right(a.shape().columns, k);  // zeros if max_products was less than k: arbitrary directions
  const Matrix<T> some = process.right(ritz, found);
  std::ranges::copy(some.values(), right.values().begin());
  take(result, triplets_from_right<T>(a, std::as_const(right).view(), context), k);
  if (static_cast<std::int64_t>(sigma.size()) > k) result.next = sigma[static_cast<std::size_t>(k)];
  result.outcome = outcome;
  result.statistics.method = Lanczos{.form = Lanczos::Form::bidiagonal, .basis = process.capacity()};
  result.statistics.products = process.products();
  result.statistics.reads = process.reads() + kernels::reads_of(k);
  contents(result.certificate).recurrences = process.recurrences();
  result.state.random = process.random();
  return result;
}

}  // namespace

// The limits of the Gram form show in the residuals of the triplets, evaluated with A itself: the residuals of theta,
// at best a few u sigma_1^2, become that amount divided by sigma_i.
template <Real T>
bool falls_short(const SvdResult<T>& result, const Convergence& wanted, const Shape& shape) {
  const auto longer = static_cast<double>(std::max(shape.rows, shape.columns));
  const double rounding = std::fmax(64, 4 * std::sqrt(longer)) * static_cast<double>(std::numeric_limits<T>::epsilon());
  return !wanted.is_borne_out(result.sigma, result.residual, result.next, rounding);
}

// A step of the loop (krylov_loop.hpp):
//   y = A p for the pending p;  b = Q^T y;  y -= Q b;  q_next = y / |y|
//   x = A^T q_next;  h = P^T x;  x -= P h;  p_next = x / |x|, pending
//   (X, sigma, Y) = the SVD of B;  r = |H_pending x|
template <Real T>
SvdResult<T> golub_kahan(const LinearOperator<T>& a, const Task<T>& task, std::optional<std::int64_t> basis,
                         Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const Tall<T> tall{a};
  const Convergence& wanted = task.convergence;
  const std::int64_t width = std::min({task.start.columns(), std::max(wanted.k, kernels::kColumnsARead), tall.columns});
  const std::int64_t capacity =
      std::max(basis_size(tall, wanted.k, basis), std::min(tall.columns, wanted.k + 2 * width));
  const std::int64_t behind = std::max(width, kernels::kColumnsARead) + kernels::kColumnsARead;
  BidiagonalForm<T> process(tall, capacity, capacity + behind, task.random, context);
  if (width > 0 && !tall.transposed) process.start_from(task.start.view(), width);
  if (width > 0 && tall.transposed) {
    Matrix<T> image(tall.columns, width);
    a.apply(task.start.view().column_range(0, width), image.view(), context);
    process.start_from(std::as_const(image).view(), width);
  }
  const bool random_start = process.pending() == 0;
  // As in lanczos().
  if (random_start) process.start_random(std::min<std::int64_t>(2, tall.columns));

  const auto excess = [&wanted](const auto& ritz) {
    return wanted.excess_of_triplets(ritz.svd.sigma, ritz.residual, attainable<T>());
  };
  const auto end = run_krylov(
      process, wanted, {task.max_products, random_start, wanted.of_theta(), negligible<T>(tall.rows)}, excess, context);
  const SvdOutcome outcome = end.converged ? SvdOutcome::converged : SvdOutcome::out_of_products;
  return finish(a, process, end.ritz, outcome, wanted.k, context);
}

template <Real T>
SvdResult<T> with_small_values(const LinearOperator<T>& a, const Task<T>& task, SvdResult<T> result,
                               std::optional<std::int64_t> basis, Context& context) {
  if (result.statistics.products >= task.max_products || !falls_short(result, task.convergence, a.shape()))
    return result;
  Task<T> rest = task;
  rest.start = result.state.subspace;
  rest.max_products -= result.statistics.products;
  rest.random = result.state.random;
  SvdResult<T> finer = golub_kahan(a, rest, basis, context);
  finer.statistics.products += result.statistics.products;
  finer.statistics.reads += result.statistics.reads;
  contents(finer.certificate).recurrences = std::move(contents(result.certificate).recurrences);
  return finer;
}

template SvdResult<float> golub_kahan<float>(const LinearOperator<float>&, const Task<float>&,
                                             std::optional<std::int64_t>, Context&);
template SvdResult<double> golub_kahan<double>(const LinearOperator<double>&, const Task<double>&,
                                               std::optional<std::int64_t>, Context&);
template bool falls_short<float>(const SvdResult<float>&, const Convergence&, const Shape&);
template bool falls_short<double>(const SvdResult<double>&, const Convergence&, const Shape&);
template SvdResult<float> with_small_values<float>(const LinearOperator<float>&, const Task<float>&, SvdResult<float>,
                                                   std::optional<std::int64_t>, Context&);
template SvdResult<double> with_small_values<double>(const LinearOperator<double>&, const Task<double>&,
                                                     SvdResult<double>, std::optional<std::int64_t>, Context&);

}  // namespace sigmax
