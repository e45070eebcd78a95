// When singular triplets are good enough. svd() makes one Convergence of what it was asked for, and every stopping test
// asks that: no other place turns a tolerance into an allowed error. Internal to svd/ and nn/.
//
// Iterations work with theta = sigma^2, an eigenvalue of C = A^T A or A A^T. With A v = sigma u and the residual
// r = |A^T u - sigma v|, the residual of C is |C v - theta v| = sigma r, and d theta = 2 sigma d sigma: relative to the
// value, the error of theta is twice that of sigma.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// What orthogonalization leaves of a vector in a space of order n is rounding if it is at most this much of |A|.
template <Real T>
double negligible(std::int64_t n) {
  return std::fmax(16, 2 * std::sqrt(static_cast<double>(n))) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// A residual of at most this much of |A| has no meaning: the vectors carry rounding errors of that size.
template <Real T>
double attainable() {
  return 4 * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// The estimated error of Ritz value i from the residual r of its own vector: r^2 / gap, with the gap to the nearest
/// other Ritz value (Kato and Temple), or r where the gap is smaller. r always bounds the distance to some eigenvalue.
/// `values` descend; there may be more of them than are wanted.
double estimated_error(std::span<const double> values, double residual, std::size_t i);

/// The estimated error of Ritz value i as one of a set, the Ritz vectors 0 ... j together: the sum of their squared
/// residuals, over the distance to the first value behind the set. It is taken for the j >= i that gives the least, so
/// that a cluster does not cost its inner gaps, and is at most residual_to(residuals, i).
double estimated_error_of_set(std::span<const double> values, std::span<const double> residuals, std::size_t i);

/// The largest residual of the pairs 0 ... i. Residuals usually grow with i. A pair with a smaller one than those above
/// it belongs to the other end of the spectrum, whose vectors are found as fast; the vector that belongs in its place
/// is still to come.
double residual_to(std::span<const double> residuals, std::size_t i);

/// What was asked for, in one piece. Each excess() is the largest of error / allowed error over the k largest pairs:
/// converged if at most 1, infinite with fewer than k of them. Values descend, and those behind the k-th give gaps.
/// Residuals of at most `rounding` times the largest value count as converged: nothing better can be had.
struct Convergence {
  Accuracy accuracy = Accuracy::values;
  double tolerance = 1e-10;  ///< as in SvdOptions
  std::int64_t k = 1;        ///< triplets wanted

  /// These demands on another number of pairs.
  Convergence of(std::int64_t pairs) const { return {accuracy, tolerance, pairs}; }

  /// The error of theta (values) or the residual of C (vectors) that is allowed. `product` is sigma_i sigma_1.
  double allowed(double theta, double product) const {
    return accuracy == Accuracy::values ? of_theta() * theta : tolerance * product;
  }
  /// The tolerance of sigma as one of theta, relatively.
  double of_theta() const { return 2 * tolerance; }
  /// Values of theta that differ by less, relatively, count as the same.
  double slack() const { return accuracy == Accuracy::values ? of_theta() : tolerance; }
  /// Also where one of the two comes from a check: an estimate of an error may be wrong by another factor of 2.
  double slack_of_check() const { return accuracy == Accuracy::values ? 2 * of_theta() : tolerance; }
  /// Whether two values, a >= b, may be copies of one.
  bool may_be_equal(double a, double b) const { return b >= a * (1 - kOfEstimates * tolerance); }

  /// Of eigenpairs of C: theta and |C v - theta v|, one vector at a time.
  double excess(std::span<const double> theta, std::span<const double> residual, double rounding) const;

  /// Also of eigenpairs of C, but of a block process, whose errors are estimated in sets.
  double excess_of_sets(std::span<const double> theta, std::span<const double> residual, double rounding) const;

  /// Of singular triplets: sigma and |A^T u - sigma v|.
  double excess_of_triplets(std::span<const double> sigma, std::span<const double> residual, double rounding) const;

  /// Whether triplets that were evaluated with A itself bear out what an iteration estimated. Two estimates of one
  /// error differ by a little, so that only a plain excess counts. `relative` are residuals relative to sigma_1, `next`
  /// an estimate of sigma_{k+1}, or 0.
  bool is_borne_out(std::span<const double> sigma, std::span<const double> relative, double next,
                    double rounding) const;

 private:
  // Two estimates of one error agree within this factor.
  static constexpr double kOfEstimates = 4;
};

}  // namespace sigmax
