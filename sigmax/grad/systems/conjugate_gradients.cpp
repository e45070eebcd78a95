// The systems of complement.hpp by conjugate gradients, all at once:
//
//   K_c = sigma_c^2 - C,  C = A^T A or A A^T on the faster side, within the complement of the known triplets
//   b_c = sigma_c h_c + A^T f_c      (or sigma_c f_c + A h_c)
//   x = 0, r = b, d = b; for slow systems the part along the forward pass's Ritz vectors at once (deflated_space.hpp)
//   while a column is not done:
//     z = K d for the active columns, together
//     alpha = |r|^2 / d^T z;  x += alpha d;  r -= alpha z;  project the known triplets away from r
//     beta = |r_new|^2 / |r|^2;  d = r + beta d, K-orthogonal to the Ritz vectors
//   q_c = x_c, p_c = (A x_c + f_c) / sigma_c
//
// The alpha and beta are the LDL^T factorization of the tridiagonal matrix of the Lanczos process on K that starts from
// b. Its smallest eigenvalue lambda is an upper estimate of the smallest eigenvalue of K that matters for b, sigma_c^2
// - sigma_{k+1}^2: it gives the error |r| / lambda, and it shows when there is no gap. With deflated Ritz vectors,
// lambda and r refer to the remaining space, and the Ritz values show the gap.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/grad/systems/complement.hpp"
#include "sigmax/grad/systems/deflated_space.hpp"
#include "sigmax/kernels/vector.hpp"
#include "sigmax/ops/gram_side.hpp"

namespace sigmax {
namespace {

// The smallest eigenvalue of T = L D L^T, D = 1 / alpha, L_{j+1,j} = -sqrt(beta_j), by bisection on the signs of the
// pivots of T - x. T is positive definite, and its first diagonal entry is above it.
class RitzValue {
 public:
  void add(double alpha, double beta_before) {
    const double pivot = 1 / alpha;
    diagonal_.push_back(pivot + (squares_.empty() && diagonal_.empty() ? 0 : beta_before / alpha_before_));
    if (diagonal_.size() > 1) squares_.push_back(beta_before / (alpha_before_ * alpha_before_));
    alpha_before_ = alpha;
  }

  // A relative error of 2^-10 suffices for an estimate.
  double smallest() {
    double high = diagonal_[0];
    for (const double d : diagonal_) high = std::min(high, d);
    high = known_ > 0 ? std::min(known_, high) : high;
    double low = high;
    constexpr int kMostQuarters = 1100;  // there is nothing below 2^-2098; an infinite value stays infinite
    for (int quarter = 0; quarter < kMostQuarters && low > 0 && any_below(low); ++quarter) low /= 4;
    high = std::min(high, 4 * low);
    for (int step = 0; step < 12 && high - low > 0x1p-10 * high; ++step) {
      const double middle = 0.5 * (low + high);
      (any_below(middle) ? high : low) = middle;
    }
    known_ = high;
    return high;
  }

 private:
  bool any_below(double x) const {
    double pivot = diagonal_[0] - x;
    for (std::size_t j = 1; j < diagonal_.size(); ++j) {
      if (pivot <= 0) return true;
      pivot = diagonal_[j] - x - squares_[j - 1] / pivot;
    }
    return pivot <= 0;
  }

  std::vector<double> diagonal_;
  std::vector<double> squares_;
  double alpha_before_ = 0;
  double known_ = 0;
};

// With fewer iterations than this, deflation costs more than it saves: a read for the images of the Ritz vectors.
constexpr double kManyIterations = 24;

enum class State { working, done, no_gap };

template <Real T>
class Iteration {
 public:
  Iteration(const ComplementSystems<T>& systems, const GradientOptions& options, Context& context)
      : systems_(systems),
        options_(options),
        side_(systems.a, context),
        known_(side_.right() ? systems.v : systems.u),
        count_(static_cast<std::int64_t>(systems.which.size())),
        x_(side_.order(), count_),
        r_(side_.order(), count_),
        d_(side_.order(), count_),
        z_(side_.order(), count_),
        columns_(systems.which.size()),
        context_(context) {}

  ComplementSolution<T> run() {
    start();
    ComplementSolution<T> solution;
    while (!all_done() && solution.iterations < options_.max_products) {
      context_.check_cancel();
      step();
      ++solution.iterations;
      judge(solution.iterations);
    }
    finish(solution);
    return solution;
  }

 private:
  struct Column {
    double square = 0;  // |r|^2
    double floor = 0;   // level at which |r|^2 is rounding of the initial one
    double beta = 0;
    double lambda = 0;  // the Ritz value
    double least = 0;   // the smallest known eigenvalue: lambda, or that of the Ritz vectors
    typename DeflatedSpace<T>::System deflated;
    double size = 0;  // |x|^2
    RitzValue ritz;
    State state = State::working;
  };

  double sigma(std::int64_t c) const {
    return systems_.sigma[static_cast<std::size_t>(systems_.which[static_cast<std::size_t>(c)])];
  }
  Column& column(std::int64_t c) { return columns_[static_cast<std::size_t>(c)]; }

  void start() {
    const Matrix<T>& own = side_.right() ? systems_.h : systems_.f;
    const Matrix<T>& other = side_.right() ? systems_.f : systems_.h;
    const bool any = std::ranges::any_of(other.values(), [](T value) { return value != 0; });
    if (any) {
      if (side_.right()) {
        systems_.a.apply_adjoint(other.view(), r_.view(), context_);
      } else {
        systems_.a.apply(other.view(), r_.view(), context_);
      }
      ++extra_reads_;
    }
    for (std::int64_t c = 0; c < count_; ++c) {
      kernels::axpy(static_cast<T>(sigma(c)), own.column(c), r_.column(c));
    }
    project_away<T>(known_, r_.view());
    for (std::int64_t c = 0; c < count_; ++c) {
      column(c).floor = square_of(r_.column(c)) * std::pow(std::numeric_limits<T>::epsilon() / 4, 2);
    }
    deflate();
    for (std::int64_t c = 0; c < count_; ++c) {
      const std::span<const T> r = std::as_const(r_).column(c);
      column(c).square = square_of(r);
      std::ranges::copy(r, d_.column(c).begin());
      column(c).deflated.direct(r, d_.column(c));
      if (!(column(c).square > 0)) column(c).state = State::done;
      work_.push_back(c);
    }
    retire();
  }

  // The number of iterations to expect from the gaps to sigma_{k+1}, as far as it is known.
  double expected_iterations() const {
    const double next = systems_.next.value_or(0);
    const double below = next * next;
    double most = 0;
    for (std::int64_t c = 0; c < count_; ++c) {
      const double s = sigma(c) * sigma(c);
      most = std::max(most, s > below ? 0.5 * std::sqrt(s / (s - below)) * std::log(2 / tolerance_of<T>(options_)) : 0);
    }
    return most;
  }

  void deflate() {
    if (systems_.neighbors.columns == 0 || systems_.neighbors.rows != side_.order()) return;
    if (expected_iterations() < kManyIterations) return;
    deflation_ = DeflatedSpace<T>(systems_.neighbors, known_, side_);
    if (deflation_.empty()) return;
    for (std::int64_t c = 0; c < count_; ++c) {
      const double s = sigma(c) * sigma(c);
      if (s - deflation_.largest() <= 2 * sigma(c) * systems_.no_gap) continue;
      column(c).deflated = {deflation_, s};
      column(c).deflated.correct(x_.column(c), r_.column(c));
    }
  }

  static double square_of(std::span<const T> x) { return kernels::dot(x, x); }

  bool all_done() const { return work_.empty(); }

  // Active columns come first in d_: position i of d_ and z_ is column work_[i].
  void retire() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < work_.size(); ++i) {
      if (column(work_[i]).state != State::working) continue;
      if (kept != i)
        std::ranges::copy(d_.column(static_cast<std::int64_t>(i)), d_.column(static_cast<std::int64_t>(kept)).begin());
      work_[kept++] = work_[i];
    }
    work_.resize(kept);
  }

  void step() {
    const auto width = static_cast<std::int64_t>(work_.size());
    const MatrixView<T> z = z_.view().column_range(0, width);
    side_.multiply(std::as_const(d_).view().column_range(0, width), z);
    for (std::int64_t i = 0; i < width; ++i) {
      const std::int64_t c = work_[static_cast<std::size_t>(i)];
      const std::span<T> d = d_.column(i);
      const T shift = static_cast<T>(sigma(c) * sigma(c));
      for (std::size_t j = 0; j < d.size(); ++j) z.column(i)[j] = shift * d[j] - z.column(i)[j];
    }
    for (std::int64_t i = 0; i < width; ++i) advance(work_[static_cast<std::size_t>(i)], d_.column(i), z.column(i));
  }

  void advance(std::int64_t c, std::span<T> d, std::span<const T> z) {
    Column& own = column(c);
    const double curvature = kernels::dot(std::span<const T>(d), z);
    if (!(curvature > 0) || !std::isfinite(curvature)) {
      own.lambda = own.least = 0;
      own.state = State::no_gap;
      return;
    }
    const double alpha = own.square / curvature;
    own.ritz.add(alpha, own.beta);
    kernels::axpy(static_cast<T>(alpha), std::span<const T>(d), x_.column(c));
    kernels::axpy(static_cast<T>(-alpha), z, r_.column(c));
    // As r becomes small, the rounding of what was subtracted must not accumulate along the known triplets or along the
    // Ritz vectors.
    project_away<T>(known_, r_.view().column_range(c, 1));
    own.deflated.correct(x_.column(c), r_.column(c));
    const double square = square_of(r_.column(c));
    own.beta = square / own.square;
    own.square = square;
    const T beta = static_cast<T>(own.beta);
    const std::span<const T> r = r_.column(c);
    for (std::size_t j = 0; j < d.size(); ++j) d[j] = r[j] + beta * d[j];
    own.deflated.direct(r, d);
  }

  // The error of column c: of x, and of the other side, whose error is A times that over sigma, so no larger.
  double error_of(Column& own) const { return std::sqrt(2 * own.square) / own.lambda; }

  // |x|^2 of the columns in that state.
  double squares_of(State state) const {
    double squares = 0;
    for (const Column& own : columns_) squares += own.state == state ? own.size : 0;
    return squares;
  }

  // A column's error is relative to the certain part of the gradient: the known part, the finished columns, and the
  // column itself. Others may turn out to have no gap, and their x grows as 1 / lambda until that shows.
  void judge(std::int64_t iteration) {
    // Every step at first, then less often: the Ritz value costs about a hundred flops per step made.
    const bool due = iteration <= 8 || iteration % 4 == 0 ||
                     std::ranges::any_of(work_, [this](std::int64_t c) { return column(c).square <= column(c).floor; });
    if (!due) return retire();
    for (std::int64_t c = 0; c < count_; ++c) column(c).size = square_of(std::as_const(x_).column(c));
    const double finished = systems_.known_squares + squares_of(State::done);
    for (const std::int64_t c : work_) {
      Column& own = column(c);
      if (own.state != State::working) continue;
      own.lambda = own.least = own.ritz.smallest();
      if (!deflation_.empty()) own.least = std::min(own.least, sigma(c) * sigma(c) - deflation_.largest());
      if (own.least <= 2 * sigma(c) * systems_.no_gap) {
        own.state = State::no_gap;
      } else if (own.square <= own.floor || error_of(own) * std::sqrt(static_cast<double>(count_)) <=
                                                tolerance_of<T>(options_) * std::sqrt(finished + own.size)) {
        own.state = State::done;
      }
    }
    retire();
  }

  void finish(ComplementSolution<T>& solution) {
    double squares = 0;
    for (std::int64_t c = 0; c < count_; ++c) {
      Column& own = column(c);
      solution.has_gap.push_back(own.state != State::no_gap);
      if (own.state == State::no_gap) std::ranges::fill(x_.column(c), T{0});
      if (own.state == State::working) solution.converged = false;
      if (own.lambda > 0 && own.state != State::no_gap) squares += own.square * 2 / (own.lambda * own.lambda);
      if (own.square > 0 || own.lambda > 0) {
        const double inside = sigma(c) * sigma(c) - own.least;
        solution.next = std::max(solution.next.value_or(0), std::sqrt(std::max(inside, 0.0)));
      }
    }
    const double scale = std::sqrt(systems_.known_squares + squares_of(State::done) + squares_of(State::working));
    if (scale > 0) solution.error = std::sqrt(squares) / scale;
    const Matrix<T>& f = side_.right() ? systems_.f : systems_.h;
    Matrix<T> y(f.rows(), count_);
    if (side_.right()) {
      systems_.a.apply(std::as_const(x_).view(), y.view(), context_);
    } else {
      systems_.a.apply_adjoint(std::as_const(x_).view(), y.view(), context_);
    }
    ++extra_reads_;
    for (std::int64_t c = 0; c < count_; ++c) {
      const bool left_out = column(c).state == State::no_gap;
      const double inverse = left_out ? 0.0 : 1 / sigma(c);
      const std::span<T> to = y.column(c);
      const std::span<const T> from = f.column(c);
      for (std::size_t j = 0; j < to.size(); ++j) {
        to[j] = static_cast<T>((static_cast<double>(to[j]) + static_cast<double>(from[j])) * inverse);
      }
    }
    project_away<T>(known_, x_.view());
    project_away<T>(side_.right() ? systems_.u : systems_.v, y.view());
    solution.p = std::move(y);
    solution.q = std::move(x_);
    if (!side_.right()) std::swap(solution.p, solution.q);
    solution.reads = side_.reads() + extra_reads_;
  }

  const ComplementSystems<T>& systems_;
  const GradientOptions& options_;
  GramSide<T> side_;
  MatrixView<const T> known_;
  std::int64_t count_;
  Matrix<T> x_;
  Matrix<T> r_;
  Matrix<T> d_;
  Matrix<T> z_;
  std::vector<Column> columns_;
  std::vector<std::int64_t> work_;
  DeflatedSpace<T> deflation_;
  std::int64_t extra_reads_ = 0;
  Context& context_;
};

}  // namespace

template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>& systems, const ConjugateGradients&,
                            const GradientOptions& options, Context& context) {
  return Iteration<T>(systems, options, context).run();
}

template ComplementSolution<float> solve<float>(const ComplementSystems<float>&, const ConjugateGradients&,
                                                const GradientOptions&, Context&);
template ComplementSolution<double> solve<double>(const ComplementSystems<double>&, const ConjugateGradients&,
                                                  const GradientOptions&, Context&);

}  // namespace sigmax
