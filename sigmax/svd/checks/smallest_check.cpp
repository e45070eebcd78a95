#include "sigmax/svd/checks/smallest_check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/triangular.hpp"

namespace sigmax {
namespace {

constexpr double kUnit = std::numeric_limits<double>::epsilon() / 2;
constexpr std::int64_t kMostStartsOfInverse = 8;
constexpr int kMostRoundsOfInverse = 64;
constexpr double kFewFormed = 16;        // times the error of R itself: lower ends come no closer
constexpr double kLargestFormed = 1e-2;  // of |R|: with a larger error a matrix has no meaningful smallest values

// The values of R V, descending, for orthonormal V.
std::vector<double> values_of(const Matrix<double>& r, const Matrix<double>& v) {
  Matrix<double> image = v;
  triangular::multiply(r, triangular::Side::plain, image.view());
  return lapack::singular_values(image.view());
}

// The `count` directions in span(V) that R shrinks most.
Matrix<double> shortest(const Matrix<double>& r, const Matrix<double>& v, std::int64_t count) {
  Matrix<double> image = v;
  triangular::multiply(r, triangular::Side::plain, image.view());
  const lapack::Decomposition all = lapack::decompose(image.view(), v.columns() - count, count);
  return lapack::product(v, all.wanted.v);
}

}  // namespace

SymmetricProduct<double> inverse_product(const Matrix<double>& r) {
  return [&r](MatrixView<const double> x, MatrixView<double> z) {
    for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), z.column(j).begin());
    triangular::apply_inverse(r, z);
  };
}

namespace {

// For the Ritz vectors of R in span(V): the values, descending, and each one's coupling to the rest, E = P R^T R v, as
// |C22^-1/2 E|, where C22 is the part of C = R^T R on the complement of V. `lifted` is the triangular factor of C +
// tau V V^T; its solves use a part that is at most C22, and so give upper bounds.
struct Coupling {
  std::vector<double> sigma;
  std::vector<double> norm;
};

Coupling coupling_of(const Matrix<double>& r, const Matrix<double>& lifted, const Matrix<double>& v) {
  Matrix<double> image = v;
  triangular::multiply(r, triangular::Side::plain, image.view());
  const lapack::Decomposition all = lapack::decompose(image.view(), 0, v.columns());
  const Matrix<double> ritz = lapack::product(v, all.wanted.v);
  Matrix<double> e = ritz;
  triangular::multiply(r, triangular::Side::plain, e.view());
  triangular::multiply(r, triangular::Side::transposed, e.view());
  for (int pass = 0; pass < 2; ++pass) {
    const Matrix<double> along = lapack::product(ritz, lapack::product(ritz, e, true));
    for (std::size_t i = 0; i < e.values().size(); ++i) e.values()[i] -= along.values()[i];
  }
  triangular::solve(lifted, triangular::Side::transposed, e.view());
  Coupling result{all.sigma, {}};
  for (std::int64_t j = 0; j < e.columns(); ++j) {
    result.norm.push_back(blas::norm(e.column(j)));
  }
  return result;
}

// The rounds of check_smallest().
class InverseSearch {
 public:
  InverseSearch(const Matrix<double>& r, double largest, double formed, RightVectors& right,
                const ComplementOptions& options, Context& context)
      : r_(r),
        solvable_(triangular::regularized(r)),
        largest_(largest),
        formed_(std::max(formed, 16 * kUnit * static_cast<double>(r.rows()) * largest)),
        right_(right),
        options_(options),
        context_(context),
        failure_probability_(options.failure_probability),
        sigma_(values_of(r, right.v)) {
    // `right` was computed with random numbers of this state, perhaps by an earlier call that began with the same
    // state.
    right_.random = forked(right.random, right.v.values());
  }

  CheckedSmallest run() {
    const std::int64_t n = r_.rows();
    for (int i = 0; i < kMostRoundsOfInverse && n > options_.convergence.k && round(); ++i) {
    }
    if (n == options_.convergence.k) shown_ = 0;
    right_.products += products_;
    conclude();
    return std::move(result_);
  }

 private:
  bool full() const { return options_.failure_probability.has_value(); }

  // Whether another round is useful.
  bool round() {
    const std::int64_t left = options_.max_products - products_;
    if (left < starts_) return false;
    if (failure_probability_) *failure_probability_ /= 2;
    const Matrix<double> lifted = triangular::without(solvable_, right_.v, largest_);
    const double kth = std::max(sigma_.front(), formed_);
    // Solves with R' are exact for a matrix that differs by n u |R'|: this error, relative to the value in question,
    // counts twice.
    const double same = std::max(1e-10, 4 * formed_ / kth);
    const double theta = 1 / (kth * kth);
    const Ceiling ceiling{theta * (1 + same), theta * (1 + same), failure_probability_,
                          6 * starts_,        2 * r_.rows(),      theta};
    const LanczosResult<double> rest = look(lifted, ceiling, left);
    const std::int64_t most = std::min({starts_, r_.rows(), r_.rows() - options_.convergence.k});
    std::int64_t above = 0;
    while (above < most && rest.theta[static_cast<std::size_t>(above)] > ceiling.theta) ++above;
    if (above == 0 || rest.outcome == LanczosOutcome::out_of_products) {
      // Each round has its own share of the failure probability: the smallest of their bounds holds.
      shown_ = std::min(shown_, rest.bound);
      const bool over = rest.outcome == LanczosOutcome::invariant_subspace && shown_ > ceiling.theta;
      return over && std::exchange(starts_, kMostStartsOfInverse) < kMostStartsOfInverse;
    }
    join(lifted, rest.vectors, above);
    return true;
  }

  // Inverse Lanczos on the complement of the known vectors, from fresh random vectors.
  LanczosResult<double> look(const Matrix<double>& lifted, const Ceiling& ceiling, std::int64_t max_products) {
    LanczosOptions inner;
    inner.convergence = options_.convergence.of(std::min(starts_, r_.rows()));
    inner.max_products = max_products;
    inner.starts = starts_;
    inner.basis = 320;
    inner.random = right_.random;
    inner.ceiling = ceiling;
    LanczosResult<double> rest = lanczos<double>(r_.rows(), inverse_product(lifted), {}, inner, context_);
    products_ += rest.products;
    right_.random = rest.random;
    return rest;
  }

  void join(const Matrix<double>& lifted, const Matrix<double>& vectors, std::int64_t count) {
    // A step with the inverse reduces their components along large values.
    Matrix<double> joining;
    triangular::append(joining, vectors, count);
    triangular::apply_inverse(lifted, joining.view());
    Matrix<double> all = right_.v;
    triangular::append(all, lapack::orthonormal(std::move(joining)), count);
    right_.v = lapack::orthonormal(shortest(r_, lapack::orthonormal(std::move(all)), options_.convergence.k));
    sigma_ = values_of(r_, right_.v);
    shown_ = kInfinity;  // it belonged to another complement
    result_.joined += count;
    starts_ = std::min(2 * starts_, kMostStartsOfInverse);
  }

  // With R V = Y, whose rounding is a change of R by (fl(Y) - R V) V^T that vanishes on the complement of V,
  // C = R^T R is [H, E^T; E, C22] in the basis of V and the rest, H = Y^T Y, C22 >= tau. C - mu I is positive
  // semidefinite if H - mu >= E^T (C22 - mu)^-1 E, which is at most E^T C22^-1 E / (1 - mu / tau). So, with the columns
  // up to the i-th from the larger end and q_i = tr(E_i^T C22^-1 E_i), lambda_i is at least the smaller root mu of
  //
  //     (sigma_i(Y)^2 - mu) (tau - mu)  =  q_i tau.
  void conclude() {
    if (!full()) return;
    const double floor = shown_ > 0 ? 1 / std::sqrt(shown_) : kInfinity;
    const bool is_close = floor >= sigma_.front() * (1 - 1e-8) - 4 * formed_;
    if (!is_close || !(formed_ <= kLargestFormed * largest_)) right_.outcome = SvdOutcome::unconfirmed;
    if (shown_ == kInfinity) return;
    const Coupling coupling = coupling_of(r_, triangular::without(solvable_, right_.v, largest_), right_.v);
    const double root = std::max(floor - 2 * formed_, 0.0);
    double coupled = 0;  // sqrt(q_i)
    for (std::size_t i = 0; i < sigma_.size(); ++i) {
      const double sigma = coupling.sigma[i];
      double square = sigma * sigma;
      if (shown_ > 0) {
        const double rounding = root > 0 ? formed_ * sigma / root : kInfinity;  // of R^T Y, in the worst direction
        coupled = std::hypot(coupled, coupling.norm[i] + rounding);
        const double apart = std::hypot((sigma - root) * (sigma + root), 2 * coupled * root);
        // Not (sigma^2 + root^2 - apart) / 2, which loses everything below the rounding of root^2.
        square = 2 * root * root * (sigma - coupled) * (sigma + coupled) / (sigma * sigma + root * root + apart);
        if (!(root > 0)) square = 0;
      }
      const double lower = std::sqrt(std::max(square, 0.0)) - (2 + std::sqrt(static_cast<double>(i + 1))) * formed_;
      result_.lower.push_back(std::max(lower, 0.0));
    }
    // The lower ends also hold for the values that were found.
    for (std::size_t i = 0; i < sigma_.size(); ++i) {
      const double slack = 1e-6 * sigma_[i] + kFewFormed * formed_;
      if (!(result_.lower[i] >= sigma_[i] - slack)) right_.outcome = SvdOutcome::unconfirmed;
    }
    if (!right_.random.drawn) result_.lower.clear();
  }

  const Matrix<double>& r_;
  const Matrix<double> solvable_;  // if R has values far below rounding, solves with R would show only those
  double largest_;
  double formed_;
  RightVectors& right_;
  const ComplementOptions& options_;
  Context& context_;
  std::optional<double> failure_probability_;  // of the remaining rounds
  std::vector<double> sigma_;                  // of R V
  std::int64_t products_ = 0;
  std::int64_t starts_ = 2;
  double shown_ = kInfinity;  // no eigenvalue of (R'^T R')^-1 is larger
  CheckedSmallest result_;
};

}  // namespace

CheckedSmallest check_smallest(const Matrix<double>& r, double largest, double formed, RightVectors& right,
                               const ComplementOptions& options, Context& context) {
  return InverseSearch(r, largest, formed, right, options, context).run();
}

}  // namespace sigmax
