#include "sigmax/svd/krylov/gram_lanczos.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/band.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/svd/christoffel.hpp"
#include "sigmax/svd/krylov/basis.hpp"
#include "sigmax/svd/krylov/convergence.hpp"
#include "sigmax/svd/krylov/krylov_loop.hpp"
#include "sigmax/svd/krylov/random_start.hpp"

namespace sigmax {
namespace {

template <Real T>
std::int64_t basis_size(std::int64_t n, const LanczosOptions& options) {
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
  const std::int64_t least = options.k + 2;
  const std::int64_t affordable = kMostBytes / (n * static_cast<std::int64_t>(sizeof(T)));
  // Of several pairs, whose small problem is dense after a restart, so many that the spectra of trained weights need
  // none.
  const std::int64_t comfortable = options.k == 1 ? 160 : 3 * options.k + 90;
  const std::int64_t wanted = options.basis > 0 ? options.basis : std::min(comfortable, affordable);
  return std::min(std::max(wanted, least), n);
}

// The state of the process is a basis V of count() orthonormal vectors, the first `done` of which C has been applied
// to, and H = V^T C V_done with
//
//   C V_done = V H        (but for rounding: a remainder that small is dropped)
//
// The vectors from `done` on are pending. With y an eigenvector of the leading done x done block of H, V_done y is a
// Ritz vector with the residual V_pending H_pending y, of norm |H_pending y|. In the plain Lanczos process one vector
// is pending, and H is tridiagonal; after a thick restart it is an arrowhead; from a block, or with another random
// vector put in, several are pending: nothing of this needs a different formula, as the orthogonalization gives all
// entries of H.
template <Real T>
class Process {
 public:
  Process(std::int64_t n, const SymmetricProduct<T>& product, const LanczosOptions& options, std::int64_t width,
          Context& context)
      : n_(n),
        capacity_(std::max(basis_size<T>(n, options), std::min(n, options.k + 2 * width))),
        product_(product),
        basis_(n, capacity_ + std::max({width, kTogether, options.starts}) + kTogether, context),
        h_(basis_.capacity(), basis_.capacity()),
        random_(options.random) {}

  std::int64_t done() const { return done_; }
  std::int64_t pending() const { return basis_.count() - done_; }
  std::int64_t products() const { return products_; }
  std::int64_t reads() const { return reads_; }
  std::int64_t capacity() const { return capacity_; }
  bool restarted() const { return !first_cycle_; }
  bool spans_all() const { return basis_.count() == n_; }
  const Basis<T>& basis() const { return basis_; }
  RandomState random() const { return random_; }

  // `width` vectors of independent standard normals; what follows from each is recorded.
  void start_random(std::int64_t width) {
    start_.draw(basis_, width, random_);
    width_ = width;
  }

  // Such columns of a start as are independent.
  void start_from(MatrixView<const T> start, std::int64_t width) {
    std::vector<double> ignored(static_cast<std::size_t>(basis_.capacity()));
    for (std::int64_t j = 0; j < start.columns && basis_.count() < std::min(width, n_); ++j) {
      const MatrixView<T> x = basis_.next();
      std::ranges::copy(start.column(j), x.data);
      const double before = blas1::norm<T>(x.column(0));
      if (!(before > 0)) continue;
      blas1::scale(x.column(0), 1 / before);
      const double left = basis_.remove(x, 0, 0, ignored);
      if (left <= negligible<T>(n_)) continue;
      blas1::scale(x.column(0), 1 / left);
      basis_.accept();
    }
    width_ = basis_.count();
  }

  // Another random vector, orthogonal to all that is there.
  void inject() {
    end_recurrence();
    basis_.append_random(random_);
  }

  // One product each for `b` pending vectors, together.
  void multiply(std::int64_t b) {
    const std::int64_t first = basis_.count();
    product_(std::as_const(basis_).columns(done_, b), basis_.next(b));
    products_ += b;
    ++reads_;
    if (b == pending() && first_cycle_) ++complete_steps_;
    for (std::int64_t j = 0; j < b; ++j) take(first + j);
  }

  // Ritz vectors behind the k-th: of values so near that they made the process long.
  Matrix<T> neighbors(std::int64_t k) const {
    const std::int64_t wanted = std::min(kTogether, done_ / 3 - k);
    if (wanted < 1) return {};
    const Matrix<double> weights = ritz_weights(k + wanted);
    Matrix<T> result(n_, wanted);
    basis_.combine(weights.view().column_range(k, wanted), result.view());
    return result;
  }

  // The largest Ritz values, and of all of them, or all but the last, the residuals.
  struct Ritz {
    std::vector<double> theta;
    std::vector<double> theta_residual;
  };
  Ritz ritz(std::int64_t wanted) const {
    const Profile profile = this->profile();
    if (wanted == 2 && done_ > 2 && profile.bandwidth <= kTogether) {
      const LeadingOfBand top = leading_of_band(h_.view().column_range(0, done_), profile.bandwidth);
      return {{top.value, top.next}, {residual_of(top.vector)}};
    }
    if (profile.bandwidth <= kNarrow && profile.tail <= kNarrow) {
      if (auto all = spectrum_of_band(h_.view().column_range(0, done_), profile.bandwidth, profile.tail)) {
        Ritz result{std::move(all->value), {}};
        for (std::int64_t i = 0; i < done_; ++i) result.theta_residual.push_back(residual_of(all->tail.column(i)));
        return result;
      }
    }
    SmallEigen pairs = largest_of_symmetric(leading(), wanted);
    Ritz result{std::move(pairs.value), {}};
    for (std::int64_t i = 0; i < pairs.vector.columns(); ++i) {
      result.theta_residual.push_back(residual_of(pairs.vector.column(i)));
    }
    return result;
  }

  // The vectors of the largest Ritz values, in the basis: as many as are asked for, or all that there are.
  Matrix<double> ritz_weights(std::int64_t wanted) const {
    const std::int64_t bandwidth = profile().bandwidth;
    if (wanted > 1 || bandwidth > kTogether) return largest_of_symmetric(leading(), wanted).vector;
    Matrix<double> result(done_, 1);
    std::ranges::copy(leading_of_band(h_.view().column_range(0, done_), bandwidth).vector, result.values().begin());
    return result;
  }

  // V_done <- V_done Y for the `keep` largest Ritz vectors; H becomes diag(theta) with the pending rows H_pending Y.
  void restart(std::int64_t keep) {
    end_recurrence();
    const SmallEigen kept = largest_of_symmetric(leading(), keep);
    keep = kept.vector.columns();
    const std::int64_t waiting = pending();
    Matrix<double> h(h_.rows(), h_.columns());
    for (std::int64_t i = 0; i < keep; ++i) {
      h(i, i) = kept.value[static_cast<std::size_t>(i)];
      for (std::int64_t p = 0; p < waiting; ++p) h(keep + p, i) = coupling(done_ + p, kept.vector.column(i));
    }
    basis_.compress(kept.vector.view());
    for (std::int64_t p = 0; p < waiting; ++p) std::ranges::copy(basis_.at(done_ + p), basis_.at(keep + p).begin());
    basis_.accept(waiting);
    h_ = std::move(h);
    done_ = keep;
  }

  // What the random start tells: until the first restart or injection.
  std::vector<LanczosRecurrence> recurrences() {
    end_recurrence();
    return std::move(recurrences_);
  }

  // No eigenvalue is larger, but for the failure probability of the ceiling.
  double bound(const Ceiling& ceiling) {
    bound_ = std::min(bound_, bound_of_starts(ceiling, ceiling.terms));
    return bound_;
  }

  // The same with what sums of so many roundings come to in practice.
  double likely_bound(const Ceiling& ceiling) {
    const auto terms = static_cast<std::int64_t>(std::sqrt(static_cast<double>(ceiling.terms)));
    likely_bound_ = std::min(likely_bound_, bound_of_starts(ceiling, terms));
    return likely_bound_;
  }

 private:
  double bound_of_starts(const Ceiling& ceiling, std::int64_t terms) {
    std::vector<LanczosRecurrence> known =
        first_cycle_ ? start_.recurrences(h_.view(), basis_.count(), done_, steps_known()) : recurrences_;
    // C + mu I has its eigenvalues mu further right: so that a recurrence of zeros is one as any other.
    const double mu = 0x1p-60 * ceiling.magnitude;
    for (LanczosRecurrence& recurrence : known) {
      for (double& alpha : recurrence.alpha) alpha += mu;
      recurrence.drawn = true;  // who asks knows what the answer is worth
    }
    return christoffel_upper_bound(known, ceiling.failure_probability, terms, ceiling.magnitude);
  }

  // Vector `slot` >= count() holds C v for the first pending v: into the basis with what V leaves of it.
  void take(std::int64_t slot) {
    const std::int64_t count = basis_.count();
    const MatrixView<T> z = basis_.columns(count, 1);
    if (slot != count) std::ranges::copy(basis_.at(slot), z.data);
    const std::span<double> h = h_.column(done_);
    const double left = basis_.remove(z, done_ - width_, 2 * width_, h);
    largest_ = std::max(largest_, h[static_cast<std::size_t>(done_)]);
    ++done_;
    if (count == n_ || left <= negligible<T>(n_) * largest_) return;
    h[static_cast<std::size_t>(count)] = left;
    blas1::scale(z.column(0), 1 / left);
    basis_.accept();
  }

  // Up to here H is a narrow band: until the first restart v_j is coupled to no more vectors behind it than are begun
  // with or injected. On a wider one rotations gain less on LAPACK.
  static constexpr std::int64_t kNarrow = 4;

  // The subdiagonals of the leading block that have entries, and how many of its last columns what is pending is
  // coupled to, at least one.
  struct Profile {
    std::int64_t bandwidth = 0;
    std::int64_t tail = 1;
  };
  Profile profile() const {
    Profile result;
    for (std::int64_t j = 0; j < done_; ++j) {
      for (std::int64_t i = done_ - 1; i > j + result.bandwidth; --i) {
        if (h_(i, j) != 0) result.bandwidth = i - j;
      }
      for (std::int64_t p = done_; p < basis_.count(); ++p) {
        if (h_(p, j) != 0) result.tail = std::max(result.tail, done_ - j);
      }
    }
    return result;
  }

  // Of the Ritz vector V_done y, of which the last components are given and the others do not matter:
  // |H_pending y|.
  double residual_of(std::span<const double> y) const {
    double sum = 0;
    for (std::int64_t p = done_; p < basis_.count(); ++p) {
      const double r = coupling(p, y);
      sum += r * r;
    }
    return std::sqrt(sum);
  }

  // (H y)_p of the last components.
  double coupling(std::int64_t p, std::span<const double> y) const {
    const std::int64_t first = done_ - static_cast<std::int64_t>(y.size());
    double sum = 0;
    for (std::size_t j = 0; j < y.size(); ++j) sum += h_(p, first + static_cast<std::int64_t>(j)) * y[j];
    return sum;
  }

  // H_ij for i > j is known since C v_j was taken: coefficients along what was there, the norm that became v_i, zero
  // along what came later.
  Matrix<double> leading() const {
    Matrix<double> block(done_, done_);
    for (std::int64_t j = 0; j < done_; ++j) {
      for (std::int64_t i = j; i < done_; ++i) block(i, j) = h_(i, j);
    }
    return block;
  }

  // All of an invariant space is known, whatever the steps that it took.
  std::int64_t steps_known() const { return pending() == 0 ? done_ : complete_steps_; }

  void end_recurrence() {
    if (first_cycle_) recurrences_ = start_.recurrences(h_.view(), basis_.count(), done_, steps_known());
    first_cycle_ = false;
  }

  std::int64_t n_;
  std::int64_t capacity_;
  const SymmetricProduct<T>& product_;
  Basis<T> basis_;
  Matrix<double> h_;
  std::int64_t done_ = 0;
  std::int64_t products_ = 0;
  std::int64_t reads_ = 0;
  double largest_ = 0;
  RandomState random_;
  std::int64_t width_ = 1;  // vectors begun with
  bool first_cycle_ = true;
  std::int64_t complete_steps_ = 0;  // of the first cycle, those that took all that was pending
  RandomStart<T> start_;
  std::vector<LanczosRecurrence> recurrences_;
  double bound_ = std::numeric_limits<double>::infinity();
  double likely_bound_ = std::numeric_limits<double>::infinity();
};

// How far from the answer to a ceiling's question: at most 1 when it is there. Of values above it, whether they are
// good enough; of none, whether that is shown. How many steps the latter takes is not to be told from the last two
// looks, so until then it is infinite.
template <Real T>
double excess_over(const Ceiling& ceiling, const GramTolerance& wanted, const typename Process<T>::Ritz& ritz,
                   std::int64_t k, Process<T>& process) {
  std::int64_t above = 0;
  while (above < std::min(k, static_cast<std::int64_t>(ritz.theta.size())) &&
         ritz.theta[static_cast<std::size_t>(above)] > ceiling.wanted) {
    ++above;
  }
  if (above > 0) return wanted.excess(ritz.theta, ritz.theta_residual, above);
  // After a restart the recurrences tell no more.
  const bool ends = ceiling.failure_probability > 0
                        ? process.restarted() || process.likely_bound(ceiling) <= ceiling.theta
                        : process.products() >= ceiling.products;
  return ends ? 0 : std::numeric_limits<double>::infinity();
}

void check(std::int64_t n, std::int64_t rows, const LanczosOptions& options) {
  if (n < 1) throw Error(fmt::format("[lanczos] the operator's order must be positive, got {}", n));
  if (options.k < 1 || options.k > n) {
    throw Error(fmt::format("[lanczos] k must be between 1 and {}, got {}", n, options.k));
  }
  if (options.max_products < 1) {
    throw Error(fmt::format("[lanczos] max_products must be positive, got {}", options.max_products));
  }
  if (rows != n) throw Error(fmt::format("[lanczos] a start of {} rows for an operator of order {}", rows, n));
}

// The k pairs, made up with zeros where max_products was less than k.
template <Real T>
LanczosResult<T> finish(Process<T>& process, const typename Process<T>::Ritz& ritz, LanczosOutcome outcome,
                        const LanczosOptions& options) {
  const std::int64_t k = options.k;
  LanczosResult<T> result;
  result.outcome = outcome;
  result.products = process.products();
  result.reads = process.reads();
  result.basis = process.capacity();
  result.random = process.random();
  if (options.ceiling && options.ceiling->failure_probability > 0) {
    result.bound = process.bound(*options.ceiling);
    result.likely_bound = process.likely_bound(*options.ceiling);
  }
  result.recurrences = process.recurrences();
  const std::vector<double>& value = ritz.theta;
  const auto found = std::min(k, static_cast<std::int64_t>(value.size()));
  if (static_cast<std::int64_t>(value.size()) > k) result.next = std::max(value[static_cast<std::size_t>(k)], 0.0);
  result.theta.assign(value.begin(), value.begin() + found);
  result.residual.assign(ritz.theta_residual.begin(), ritz.theta_residual.begin() + found);
  const std::int64_t n = process.basis().order();
  result.vectors = Matrix<T>(n, k);
  const Matrix<double> weights = process.ritz_weights(found);
  process.basis().combine(weights.view(), result.vectors.view().column_range(0, found));
  if (options.neighbors) result.neighbors = process.neighbors(k);
  for (double& theta : result.theta) theta = std::max(theta, 0.0);
  result.theta.resize(static_cast<std::size_t>(k), 0.0);
  result.residual.resize(static_cast<std::size_t>(k), result.theta.front());
  return result;
}

}  // namespace

// A step of the loop (krylov_loop.hpp):
//   z = C v for the pending v;  h = V^T z;  z -= V h;  v_next = z / |z|, pending
//   (theta, y) = the largest eigenpairs of H;  r = |H_pending y|
template <Real T>
LanczosResult<T> lanczos(std::int64_t n, const SymmetricProduct<T>& product, MatrixView<const T> start,
                         const LanczosOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const std::int64_t k = options.k;
  check(n, start.columns > 0 ? start.rows : n, options);
  const SerialBlas serial;
  const std::int64_t width = std::min({start.columns, std::max(k, kTogether), n});
  Process<T> process(n, product, options, width, context);
  if (width > 0) process.start_from(start, width);
  const bool random_start = process.pending() == 0;
  // Two vectors: a space of one takes the second value for the first where its start happens to have little of it.
  if (random_start) process.start_random(std::min(options.starts, n));

  const GramTolerance wanted{options.accuracy, options.tolerance, attainable<T>()};
  const LoopOptions loop{
      k, options.max_products, random_start, options.tolerance, negligible<T>(n), options.apart, !options.ceiling};
  auto end = run_krylov(
      process, loop,
      [&](const auto& ritz) {
        if (options.ceiling) return excess_over(*options.ceiling, wanted, ritz, k, process);
        return wanted.excess(ritz.theta, ritz.theta_residual, k);
      },
      context);
  LanczosOutcome outcome = LanczosOutcome::out_of_products;
  if (end.converged) outcome = end.exhausted ? LanczosOutcome::invariant_subspace : LanczosOutcome::converged;
  return finish(process, end.ritz, outcome, options);
}

template LanczosResult<float> lanczos<float>(std::int64_t, const SymmetricProduct<float>&, MatrixView<const float>,
                                             const LanczosOptions&, Context&);
template LanczosResult<double> lanczos<double>(std::int64_t, const SymmetricProduct<double>&, MatrixView<const double>,
                                               const LanczosOptions&, Context&);

}  // namespace sigmax
