// When singular triplets are good enough. svd() makes one Convergence from its options, and every stopping test uses
// it: no other place turns a tolerance into an allowed error. Internal to svd/ and nn/.
//
// Iterations work with theta = sigma^2, an eigenvalue of C = A^T A or A A^T. With A v = sigma u and the residual
// r = |A^T u - sigma v|, the residual of C is |C v - theta v| = sigma r, and d theta = 2 sigma d sigma: relative to the
// value, the error of theta is twice that of sigma.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// After orthogonalization in a space of order n, a remainder of at most this much of |A| is rounding.
template <Real T>
double negligible(std::int64_t n) {
  return std::fmax(16, 2 * std::sqrt(static_cast<double>(n))) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// A residual of at most this fraction of |A| means nothing: the vectors have rounding errors of that size.
template <Real T>
double attainable() {
  return 4 * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// The estimated error of Ritz value i from the residual r of its own vector: r^2 / gap, with the gap to the nearest
/// other Ritz value (Kato and Temple), or r where the gap is smaller. r always bounds the distance to some eigenvalue.
/// `values` descend; there may be more values than are wanted.
double estimated_error(std::span<const double> values, double residual, std::size_t i);

/// The estimated error of Ritz value i as a member of a set, the Ritz vectors 0 ... j together: the sum of their
/// squared residuals, divided by the distance to the first value after the set. The j >= i with the smallest estimate
/// is used, so that gaps inside a cluster do not count; the estimate is at most residual_to(residuals, i).
double estimated_error_of_set(std::span<const double> values, std::span<const double> residuals, std::size_t i);

/// The largest residual of the pairs 0 ... i. Residuals usually grow with i. A pair with a smaller residual than the
/// pairs above it belongs to the other end of the spectrum, where vectors are found just as fast; the vector that
/// belongs in its place has not been found yet.
double residual_to(std::span<const double> residuals, std::size_t i);

/// What was asked for, in one object. Each excess() is the largest error / allowed error over the k largest pairs:
/// converged if at most 1, infinite with fewer than k pairs. Values descend; values after the k-th give gaps. Residuals
/// of at most `rounding` times the largest value count as converged: nothing better is possible.
struct Convergence {
  Accuracy accuracy = Accuracy::values;
  double tolerance = 1e-10;  ///< as in SvdOptions
  std::int64_t k = 1;        ///< triplets wanted

  /// The same demands for another number of pairs.
  Convergence of(std::int64_t pairs) const { return {accuracy, tolerance, pairs}; }

  /// The error of theta (values) or the residual of C (vectors) that is allowed. `product` is sigma_i sigma_1.
  double allowed(double theta, double product) const {
    return accuracy == Accuracy::values ? of_theta() * theta : tolerance * product;
  }
  /// The tolerance of sigma converted to a relative tolerance of theta.
  double of_theta() const { return 2 * tolerance; }
  /// Values of theta with a smaller relative difference count as the same.
  double slack() const { return accuracy == Accuracy::values ? of_theta() : tolerance; }
  /// The same if one of the two comes from a check: an error estimate may be wrong by another factor of 2.
  double slack_of_check() const { return accuracy == Accuracy::values ? 2 * of_theta() : tolerance; }
  /// Whether a step that changed sigma from `before` to `now` ends an iteration that knows nothing but sigma: the
  /// change estimates the error that is left. No step does for a tolerance of 0.
  bool has_settled(double before, double now) const {
    return tolerance > 0 && std::fabs(now - before) <= tolerance * now;
  }
  /// Whether two values, a >= b, may be copies of one.
  bool may_be_equal(double a, double b) const { return b >= a * (1 - kOfEstimates * tolerance); }

  /// For eigenpairs of C: theta and |C v - theta v|, one vector at a time.
  double excess(std::span<const double> theta, std::span<const double> residual, double rounding) const;

  /// Also for eigenpairs of C, but from a block process, whose errors are estimated in sets.
  double excess_of_sets(std::span<const double> theta, std::span<const double> residual, double rounding) const;

  /// For singular triplets: sigma and |A^T u - sigma v|.
  double excess_of_triplets(std::span<const double> sigma, std::span<const double> residual, double rounding) const;

  /// Whether triplets that were evaluated with A itself confirm the estimates of an iteration. Two estimates of the
  /// same error differ slightly, so only a clear excess counts. `relative` are residuals relative to sigma_1, `next` is
  /// an estimate of sigma_{k+1}, if there is one.
  bool is_borne_out(std::span<const double> sigma, std::span<const double> relative, std::optional<double> next,
                    double rounding) const;

 private:
  // Two estimates of one error agree within this factor.
  static constexpr double kOfEstimates = 4;
};

}  // namespace sigmax
