#include "sigmax/svd/krylov/gram_lanczos.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/reads.hpp"
#include "sigmax/linalg/band.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/svd/christoffel.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/krylov/krylov_loop.hpp"
#include "sigmax/svd/krylov/process.hpp"

namespace sigmax {
namespace {

template <Real T>
std::int64_t basis_size(std::int64_t n, const LanczosOptions& options) {
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
  const std::int64_t k = options.convergence.k;
  const std::int64_t least = k + 2;
  const std::int64_t affordable = kMostBytes / (n * static_cast<std::int64_t>(sizeof(T)));
  // With several pairs the small problem is dense after a restart. This limit is high enough that the spectra of
  // trained weights need no restart.
  const std::int64_t comfortable = k == 1 ? 160 : 3 * k + 90;
  const std::int64_t wanted = options.basis.value_or(std::min(comfortable, affordable));
  return std::min(std::max(wanted, least), n);
}

// In the plain Lanczos process one vector is pending, and H is tridiagonal; after a thick restart it is an arrowhead;
// from a block, or after another random vector was injected, several are pending. With y an eigenvector of the leading
// done x done block of H, V_done y is a Ritz vector of residual |H_pending y|.
template <Real T>
class GramForm final : public KrylovProcess<T> {
 public:
  GramForm(std::int64_t n, std::int64_t capacity, std::int64_t room, const SymmetricProduct<T>& product,
           const RandomState& random, Context& context)
      : KrylovProcess<T>(n, capacity, room, room, random, context), product_(product) {}

  bool restarted() const { return !this->is_first_cycle(); }
  const Basis<T>& basis() const { return basis_; }

  // One product each for `b` pending vectors, together.
  void multiply(std::int64_t b) {
    const std::int64_t first = basis_.count();
    this->count(b, 1);
    product_(std::as_const(basis_).columns(done_, b), basis_.next(b));
    for (std::int64_t j = 0; j < b; ++j) take(first + j);
  }

  // Ritz vectors after the k-th, whose close values made the process long.
  Matrix<T> neighbors(std::int64_t k) const {
    const std::int64_t wanted = std::min(kernels::kColumnsARead, done_ / 3 - k);
    if (wanted < 1) return {};
    const Matrix<double> weights = ritz_weights(k + wanted);
    Matrix<T> result(basis_.order(), wanted);
    basis_.combine(weights.view().column_range(k, wanted), result.view());
    return result;
  }

  // The largest Ritz values, and the residuals of all of them, or of all except the last.
  struct Ritz {
    std::vector<double> theta;
    std::vector<double> theta_residual;
  };
  Ritz ritz(std::int64_t wanted) const {
    const Profile profile = this->profile();
    if (wanted == 2 && done_ > 2 && profile.bandwidth <= kernels::kColumnsARead) {
      const LeadingOfBand top = leading_of_band(h_.view().column_range(0, done_), profile.bandwidth);
      return {{top.value, top.next}, {this->residual_of(top.vector)}};
    }
    if (profile.bandwidth <= kNarrow && profile.tail <= kNarrow) {
      if (auto all = spectrum_of_band(h_.view().column_range(0, done_), profile.bandwidth, profile.tail)) {
        Ritz result{std::move(all->value), {}};
        for (std::int64_t i = 0; i < done_; ++i) {
          result.theta_residual.push_back(this->residual_of(all->tail.column(i)));
        }
        return result;
      }
    }
    SmallEigen pairs = largest_of_symmetric(leading(), wanted);
    Ritz result{std::move(pairs.value), {}};
    for (std::int64_t i = 0; i < pairs.vector.columns(); ++i) {
      result.theta_residual.push_back(this->residual_of(pairs.vector.column(i)));
    }
    return result;
  }

  // The vectors of the largest Ritz values, in the basis: as many as are asked for, or all that exist.
  Matrix<double> ritz_weights(std::int64_t wanted) const {
    const std::int64_t bandwidth = profile().bandwidth;
    if (wanted > 1 || bandwidth > kernels::kColumnsARead) return largest_of_symmetric(leading(), wanted).vector;
    Matrix<double> result(done_, 1);
    std::ranges::copy(leading_of_band(h_.view().column_range(0, done_), bandwidth).vector, result.values().begin());
    return result;
  }

  void restart(std::int64_t keep) {
    const SmallEigen kept = largest_of_symmetric(leading(), keep);
    this->reduce(kept.value, kept.vector.view());
    this->compress(kept.vector.view());
  }

  // No eigenvalue is larger, except with the failure probability of the ceiling.
  double bound(const Ceiling& ceiling) {
    bound_ = std::min(bound_, bound_of_starts(ceiling, ceiling.terms));
    return bound_;
  }

  // That bound, with the typical size of sums of that many rounding errors.
  double likely_bound(const Ceiling& ceiling) {
    const auto terms = static_cast<std::int64_t>(std::sqrt(static_cast<double>(ceiling.terms)));
    likely_bound_ = std::min(likely_bound_, bound_of_starts(ceiling, terms));
    return likely_bound_;
  }

 private:
  using KrylovProcess<T>::basis_;
  using KrylovProcess<T>::done_;
  using KrylovProcess<T>::h_;

  std::vector<LanczosRecurrence> read_recurrences() override {
    return this->start_.recurrences(h_.view(), basis_.count(), done_, this->steps_known());
  }

  double bound_of_starts(const Ceiling& ceiling, std::int64_t terms) {
    std::vector<LanczosRecurrence> known = this->is_first_cycle() ? read_recurrences() : this->known_recurrences();
    // The eigenvalues of C + mu I are larger by mu, so that a recurrence of zeros needs no special case.
    const double mu = 0x1p-60 * ceiling.magnitude;
    for (LanczosRecurrence& recurrence : known) {
      for (double& alpha : recurrence.alpha) alpha += mu;
      recurrence.drawn = true;  // the caller knows how reliable the answer is
    }
    return christoffel_upper_bound(known, *ceiling.failure_probability, terms, ceiling.magnitude);
  }

  // Vector `slot` >= count() holds C v for the first pending v: its remainder after projection joins the basis.
  void take(std::int64_t slot) {
    const double left = this->orthogonalize(slot, done_, done_);
    largest_ = std::max(largest_, h_(done_, done_));
    ++done_;
    this->join(left, done_ - 1, negligible<T>(basis_.order()) * largest_);
  }

  // Until the first restart H is a narrow band matrix: v_j is coupled to at most as many later vectors as the process
  // began with or injected. On a band wider than this, rotations gain less on LAPACK.
  static constexpr std::int64_t kNarrow = 4;

  // The number of nonzero subdiagonals of the leading block, and the number of its last columns that are coupled to the
  // pending vectors, at least one.
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

  // H_ij for i > j is known since C v_j was computed: coefficients along the vectors present then, the norm that became
  // v_i, zero along later vectors.
  Matrix<double> leading() const {
    Matrix<double> block(done_, done_);
    for (std::int64_t j = 0; j < done_; ++j) {
      for (std::int64_t i = j; i < done_; ++i) block(i, j) = h_(i, j);
    }
    return block;
  }

  const SymmetricProduct<T>& product_;
  double largest_ = 0;
  double bound_ = std::numeric_limits<double>::infinity();
  double likely_bound_ = std::numeric_limits<double>::infinity();
};

// How far the process is from an answer about the ceiling: at most 1 when it has an answer. If there are values above
// the ceiling, it measures whether they are good enough; if there are none, whether that is shown. The last two checks
// do not predict the number of steps for the latter, so until then the excess is infinite.
template <Real T>
double excess_over(const Ceiling& ceiling, const Convergence& wanted, const typename GramForm<T>::Ritz& ritz,
                   GramForm<T>& process) {
  std::int64_t above = 0;
  while (above < std::min(wanted.k, static_cast<std::int64_t>(ritz.theta.size())) &&
         ritz.theta[static_cast<std::size_t>(above)] > ceiling.wanted) {
    ++above;
  }
  if (above > 0) return wanted.of(above).excess(ritz.theta, ritz.theta_residual, attainable<T>());
  // After a restart the recurrences say no more.
  const bool ends = ceiling.failure_probability ? process.restarted() || process.likely_bound(ceiling) <= ceiling.theta
                                                : process.products() >= ceiling.products;
  return ends ? 0 : std::numeric_limits<double>::infinity();
}

void check(std::int64_t n, std::int64_t rows, const LanczosOptions& options) {
  if (n < 1) throw Error(fmt::format("[lanczos] the operator's order must be positive, got {}", n));
  const std::int64_t k = options.convergence.k;
  if (k < 1 || k > n) throw Error(fmt::format("[lanczos] k must be between 1 and {}, got {}", n, k));
  if (options.max_products < 1) {
    throw Error(fmt::format("[lanczos] max_products must be positive, got {}", options.max_products));
  }
  if (rows != n) throw Error(fmt::format("[lanczos] a start of {} rows for an operator of order {}", rows, n));
}

// The k pairs, padded with zeros if max_products was less than k.
template <Real T>
LanczosResult<T> finish(GramForm<T>& process, const typename GramForm<T>::Ritz& ritz, LanczosOutcome outcome,
                        const LanczosOptions& options) {
  const std::int64_t k = options.convergence.k;
  LanczosResult<T> result;
  result.outcome = outcome;
  result.products = process.products();
  result.reads = process.reads();
  result.basis = process.capacity();
  result.random = process.random();
  if (options.ceiling && options.ceiling->failure_probability) {
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
  const Convergence& wanted = options.convergence;
  check(n, start.columns > 0 ? start.rows : n, options);
  const SerialBlas serial;
  const std::int64_t width = std::min({start.columns, std::max(wanted.k, kernels::kColumnsARead), n});
  const std::int64_t capacity = std::max(basis_size<T>(n, options), std::min(n, wanted.k + 2 * width));
  const std::int64_t behind = std::max({width, kernels::kColumnsARead, options.starts}) + kernels::kColumnsARead;
  GramForm<T> process(n, capacity, capacity + behind, product, options.random, context);
  if (width > 0) process.start_from(start, width);
  const bool random_start = process.pending() == 0;
  // Two vectors: a space from one vector mistakes the second value for the first if its start happens to have a small
  // component along the first.
  if (random_start) process.start_random(std::min(options.starts, n));

  const LoopOptions loop{options.max_products, random_start,  wanted.slack(),
                         negligible<T>(n),     options.apart, !options.ceiling};
  auto end = run_krylov(
      process, wanted, loop,
      [&](const auto& ritz) {
        if (options.ceiling) return excess_over(*options.ceiling, wanted, ritz, process);
        return wanted.excess(ritz.theta, ritz.theta_residual, attainable<T>());
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
