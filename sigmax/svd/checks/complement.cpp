#include "sigmax/svd/checks/complement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/interlacing.hpp"
#include "sigmax/svd/checks/known_space.hpp"

namespace sigmax {
namespace {

// The number of random vectors that a round begins with: two cost little more than one and need about half the steps,
// since each may fail with the square root of the probability. After rounds that find something, the next ones use more
// vectors.
constexpr std::int64_t kStarts = 2;
constexpr std::int64_t kMostStarts = 8;

// If a process ends early because few distinct values are left, its bound is the rounding of one or two steps times the
// inverse of each start's failure probability: more starts give closer bounds.
constexpr std::int64_t kMostStartsOfFewValues = 32;

// Up to this order, or if at most this many dimensions are left, the whole space is added at once: this costs no more
// than a process on the remainder, and the remainder may be only rounding.
constexpr std::int64_t kSmallOrder = 32;
constexpr std::int64_t kFewLeft = kMostStarts;

// Steps of a check that shows nothing.
constexpr std::int64_t kBriefSteps = 6;

// A recurrence that ends after a few steps, because few distinct values are left, has an uncertainty of its rounding
// times the inverse of the failure probability: an uncertainty up to this fraction of theta is as good as can be
// expected.
template <Real T>
constexpr double kConfirmed = std::same_as<T, float> ? 1e-2 : 1e-6;

// The number of rounds that may find something: each finds as many copies of a value as it has start vectors.
constexpr int kMostRounds = 64;

template <Real T>
Matrix<T> random_columns(std::int64_t rows, std::int64_t columns, RandomState& random) {
  Matrix<T> result(rows, columns);
  std::vector<double> normal(result.values().size());
  random = fill_normal(random, normal);
  std::transform(normal.begin(), normal.end(), result.values().begin(),
                 [](double value) { return static_cast<T>(value); });
  return result;
}

// The k-th vector is not good enough for any statement about the k-th value. Lanczos continues from the known vectors
// until its residual is small enough; as long as the gap is unknown, the residual is the error of the value.
template <Real T>
LanczosResult<T> refine(std::int64_t n, const SymmetricProduct<T>& product, const Matrix<T>& start,
                        const ComplementOptions& options, double tolerance, const RandomState& random,
                        Context& context) {
  LanczosOptions inner;
  inner.convergence = {Accuracy::vectors, tolerance, options.convergence.k};
  inner.max_products = options.max_products;
  inner.neighbors = true;
  inner.random = random;
  return lanczos<T>(n, product, start.view(), inner, context);
}

// The scale of rounding on the complement. C x = A^T (A x) has rounding errors of u |A| |A x| and |A^T| u |A| |x|; for
// x orthogonal to V, and with components along V removed from the image, |A x| and |A^T| are sigma_k instead of |A|. So
// values as small as 16 terms u |A| can still be distinguished, while A^T A itself loses everything below sqrt(u) |A|.
template <Real T>
class Scales {
 public:
  Scales(const Coupled& coupled, const ComplementOptions& options)
      : terms_(static_cast<double>(options.terms + 256)),
        largest_(std::max(options.magnitude, coupled.theta.front())),
        kth_(coupled.theta[static_cast<std::size_t>(options.convergence.k) - 1]) {}

  bool usable() const { return largest_ > 0 && std::isfinite(largest_); }
  // The scale of rounding in products with the complement.
  double magnitude() const { return magnitude_of(kth_); }
  // Resolution of sigma = sqrt(theta): smaller values are rounding.
  double floor() const { return 16 * kUnit * terms_ * std::sqrt(largest_); }
  // Rounding of theta or of a bound on it, at most, to first order.
  double rounding(double theta) const { return 16 * kUnit * terms_ * magnitude_of(theta); }
  double rounding() const { return rounding(kth_); }
  // The typical size of sums of this many rounding errors: it proves nothing, but larger values are worth a check.
  double noise(double theta) const { return 8 * kUnit * std::sqrt(terms_) * magnitude_of(theta); }
  double noise() const { return noise(kth_); }

 private:
  static constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2.0;

  double magnitude_of(double theta) const {
    const double floor = 16 * kUnit * terms_;
    return std::sqrt(largest_) * std::sqrt(std::max(theta, floor * floor * largest_));
  }

  double terms_;
  double largest_;
  double kth_;
};

// (I - V V^T) C (I - V V^T)
template <Real T>
SymmetricProduct<T> without(const SymmetricProduct<T>& product, const Matrix<T>& v) {
  return [&product, v = converted<double>(v.view())](MatrixView<const T> x, MatrixView<T> z) {
    Matrix<double> rest = converted<double>(x);
    remove_components(v, rest);
    product(converted<T>(std::as_const(rest).view()).view(), z);
    rest = converted<double>(MatrixView<const T>(z));
    remove_components(v, rest);
    for (std::int64_t j = 0; j < z.columns; ++j) {
      std::transform(rest.column(j).begin(), rest.column(j).end(), z.column(j).begin(),
                     [](double value) { return static_cast<T>(value); });
    }
  };
}

// What processes have shown about the complement.
struct Shown {
  double bound = kInfinity;   // no eigenvalue is larger
  double likely = kInfinity;  // the same, with rounding as it is in practice
  bool exhausted = false;     // nothing was left to find
};

// What is known about the k values from what is shown about the complement of the first `deflated` vectors.
template <Real T>
void conclude(const KnownSpace<T>& all, std::int64_t deflated, const Shown& shown, const ComplementOptions& options,
              Complement<T>& result) {
  const Scales<T> scales(all.coupled(), options);
  result.theta = all.coupled().theta;
  result.vectors = all.vectors(all.size());
  for (const double theta : result.theta) {
    result.rounding.push_back(scales.rounding(theta));
    result.noise.push_back(scales.noise(theta));
  }
  if (!(shown.bound < kInfinity)) return;
  result.upper = upper_values(all.coupled(), options.convergence.k, deflated, shown.bound);
  // The bounds include worst-case rounding; typical rounding decides whether the values are confirmed.
  const std::vector<double> likely = upper_values(all.coupled(), options.convergence.k, deflated, shown.likely);
  result.confirmed = true;
  bool refuted = false;  // by a value that was found: the case covered by the failure probability
  for (std::size_t i = 0; i < result.upper.size(); ++i) {
    const double theta = result.theta[i];
    const double rounding = result.rounding[i];
    const double root = std::sqrt(std::max(theta, 0.0)) + 2 * scales.floor();
    double close = std::max(kConfirmed<T> * theta, root * root - theta);
    if (!shown.exhausted) close = std::min(close, 2 * rounding);
    result.confirmed =
        result.confirmed && likely[i] <= theta + std::max(16 * options.convergence.slack_of_check() * theta, close);
    result.upper[i] += rounding;
    refuted = refuted || !(result.upper[i] >= theta);
  }
  if (refuted) {
    result.upper.clear();
    result.confirmed = false;
  }
}

// The rounds of check_complement().
template <Real T>
class Search {
 public:
  Search(std::int64_t n, const SymmetricProduct<T>& product, const Matrix<T>& known, const ComplementOptions& options,
         Context& context)
      : n_(n),
        product_(product),
        options_(options),
        context_(context),
        full_(options.failure_probability.has_value()),
        failure_probability_(options.failure_probability),
        all_(n, product) {
    // `known` was computed with random numbers of this state, perhaps by an earlier call that began with the same
    // state.
    result_.random = forked(options.random, converted<double>(known.view()).values());
    if (known.columns() > options.max_products) return;
    all_.join(known);
    if (n <= kSmallOrder && left() >= n) join_the_rest();
    deflated_ = all_.size();
  }

  Complement<T> run() {
    if (all_.size() == 0) return std::move(result_);
    for (int i = 0; i < kMostRounds && round(); ++i) {
    }
    conclude(all_, deflated_, shown_, options_, result_);
    result_.products = products_ + all_.products();
    return std::move(result_);
  }

 private:
  std::int64_t left() const { return options_.max_products - products_ - all_.products(); }

  void join_the_rest() {
    if (all_.size() < n_) all_.join(random_columns<T>(n_, n_ - all_.size(), result_.random));
  }

  // Whether another round is useful.
  bool round() {
    const Coupled& coupled = all_.coupled();
    const Scales<T> scales(coupled, options_);
    if (!scales.usable()) return false;
    if (full_ && n_ - all_.size() <= kFewLeft && left() >= n_) join_the_rest();
    if (all_.size() == n_) {
      deflated_ = n_;
      shown_ = {-kInfinity, -kInfinity, true};
      return false;
    }
    const double kth = coupled.theta[static_cast<std::size_t>(options_.convergence.k) - 1];
    // Worst-case rounding is not a target if it exceeds the level that can be confirmed, as long as it is smaller in
    // practice.
    const double rounding = std::max(std::min(scales.rounding(), 0.5 * kConfirmed<T> * kth), 2 * scales.noise());
    const double same = std::max(options_.convergence.slack_of_check() * kth, rounding);
    const double seen = kth + std::max(options_.convergence.slack_of_check() * kth, scales.noise());
    const Room room = room_above(coupled, options_.convergence.k, kth + same);
    if (full_ && !room.found && !std::exchange(refined_, true)) {
      replace_known(same / kth);
      return true;
    }
    if (room.deflated != std::exchange(deflated_, room.deflated)) forget_bound();
    if (left() < starts_) return false;
    if (failure_probability_) *failure_probability_ /= 2;
    const double ceiling = std::max(room.ceiling, 0.5 * kth);
    const Ceiling wanted{ceiling,        std::min(ceiling, seen), failure_probability_, starts_ * kBriefSteps,
                         options_.terms, scales.magnitude()};
    return take(look(wanted, left()), wanted, seen);
  }

  void replace_known(double tolerance) {
    const LanczosResult<T> better =
        refine(n_, product_, all_.vectors(all_.size()), options_, tolerance, result_.random, context_);
    count(better);
    forget_bound();
    all_.replace(better.vectors, better.neighbors);
  }

  // Runs on the complement of the deflated vectors, from fresh random ones.
  LanczosResult<T> look(const Ceiling& ceiling, std::int64_t max_products) {
    LanczosOptions inner;
    inner.convergence = options_.convergence.of(std::min(starts_, n_));
    inner.max_products = max_products;
    inner.starts = starts_;
    inner.random = result_.random;
    inner.basis = std::clamp<std::int64_t>((std::int64_t{1} << 27) / n_, 64, 320);
    inner.ceiling = ceiling;
    const Matrix<T> v = all_.vectors(deflated_);
    LanczosResult<T> rest = lanczos<T>(n_, without(product_, v), {}, inner, context_);
    count(rest);
    return rest;
  }

  // Adds the vectors that were found; returns whether to go on.
  bool take(const LanczosResult<T>& rest, const Ceiling& ceiling, double seen) {
    const std::int64_t most = std::min(starts_, n_);
    std::int64_t above = 0;
    while (above < most && rest.theta[static_cast<std::size_t>(above)] > ceiling.wanted) ++above;
    if (above == 0 || all_.size() + above > n_ || rest.outcome == LanczosOutcome::out_of_products) {
      const bool exhausted = rest.outcome == LanczosOutcome::invariant_subspace;
      // Each round has its own share of the failure probability: the smallest of their bounds holds.
      if (full_ && rest.bound < shown_.bound) shown_ = {rest.bound, rest.likely_bound, exhausted};
      if (!exhausted || !(shown_.likely > ceiling.theta) || starts_ == kMostStartsOfFewValues) return false;
      starts_ = std::min(4 * starts_, kMostStartsOfFewValues);
      return true;
    }
    forget_bound();
    all_.join(converted<T>(rest.vectors.view().column_range(0, above)));
    starts_ = std::clamp(2 * starts_, kStarts, kMostStarts);
    for (std::int64_t i = 0; i < above; ++i) {
      if (rest.theta[static_cast<std::size_t>(i)] > seen) ++result_.joined;
    }
    return true;
  }

  // It belongs to another complement.
  void forget_bound() { shown_ = {}; }

  void count(const LanczosResult<T>& made) {
    products_ += made.products;
    result_.reads += made.reads;
    result_.random = made.random;
  }

  std::int64_t n_;
  const SymmetricProduct<T>& product_;
  const ComplementOptions& options_;
  Context& context_;
  bool full_;
  std::optional<double> failure_probability_;  // of the remaining rounds
  KnownSpace<T> all_;
  Complement<T> result_;
  std::int64_t products_ = 0;
  std::int64_t starts_ = kStarts;
  Shown shown_;  // of the complement of the first `deflated_` vectors
  std::int64_t deflated_ = 0;
  bool refined_ = false;
};

}  // namespace

// repeat:
//   V <- the Ritz vectors of everything known;  ceiling <- the largest value of the rest that changes nothing
//   Lanczos on the complement of V, from fresh random vectors, until
//     eigenvalues above the ceiling have converged:  they join V
//     or it is shown that there are none:            done
template <Real T>
Complement<T> check_complement(std::int64_t n, const SymmetricProduct<T>& product, const Matrix<T>& known,
                               const ComplementOptions& options, Context& context) {
  const SerialBlas serial;
  return Search<T>(n, product, known, options, context).run();
}

template Complement<float> check_complement<float>(std::int64_t, const SymmetricProduct<float>&, const Matrix<float>&,
                                                   const ComplementOptions&, Context&);
template Complement<double> check_complement<double>(std::int64_t, const SymmetricProduct<double>&,
                                                     const Matrix<double>&, const ComplementOptions&, Context&);

}  // namespace sigmax
