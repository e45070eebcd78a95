// When a Krylov process looks at its Ritz values, and when they are good enough. Internal to svd/.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// What is left of a vector in a space of order n after orthogonalization is rounding if it is at most so much of |A|.
template <Real T>
double negligible(std::int64_t n) {
  return std::fmax(16, 2 * std::sqrt(static_cast<double>(n))) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// A residual estimate of at most so much of |A| has no meaning: the vectors carry rounding errors of that size.
template <Real T>
double attainable() {
  return 4 * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// The estimated error of Ritz value i: r^2 / gap, quadratic in its residual r, with the gap to the nearest other Ritz
/// value; r itself, which is always a bound on the distance to some eigenvalue, where the gap is smaller. `values`
/// descend; there may be more of them than are wanted.
double estimated_error(std::span<const double> values, double residual, std::size_t i);

/// Eigenpairs of a Gram operator, theta = sigma^2: what counts as converged.
struct GramTolerance {
  Accuracy accuracy = Accuracy::values;
  /// values: of theta, relatively. vectors: |A^T u - sigma v| = r / sigma_i, relative to sigma_1.
  double tolerance = 0;
  /// Residuals of at most so much theta_1 are rounding: nothing better can be had.
  double rounding = 0;

  /// max over the first k pairs of error / allowed error: converged if at most 1. Infinite with fewer than k values.
  double excess(std::span<const double> theta, std::span<const double> residual, std::int64_t k) const;
};

/// Singular triplets themselves.
struct TripletTolerance {
  Accuracy accuracy = Accuracy::values;
  double tolerance = 0;  ///< as in SvdOptions
  double rounding = 0;   ///< residuals of at most so much sigma_1 are rounding

  double excess(std::span<const double> sigma, std::span<const double> residual, std::int64_t k) const;
};

/// Looking costs a small eigenproblem, not looking a few steps too many: at 1, 2, 4, 6, 8, 12, ... steps, and less
/// often while the error, by its fall between the last two looks, is far from what is wanted.
class Schedule {
 public:
  /// `apart`: at least so many steps to the first look and between two, where steps cost less than looks.
  explicit Schedule(std::int64_t apart = 1) : apart_(apart), next_(apart) {}
  bool due(std::int64_t step) const { return step >= next_; }
  /// After a look at `step` that found the error to be `excess` > 1 times too large.
  void looked(std::int64_t step, double excess);
  void look_at(std::int64_t step) { next_ = step; }
  /// Steps that seem to be left after the last look: infinite where nothing is known.
  double left() const { return left_; }
  /// Steps count from here again.
  void restart(std::int64_t step);

 private:
  std::int64_t apart_;
  std::int64_t begun_ = 0;
  std::int64_t next_;
  std::int64_t last_ = 0;
  double last_excess_ = 0;
  double left_ = std::numeric_limits<double>::infinity();
};

/// Whether a multiple value has been missed. From p vectors a Krylov space holds p vectors of each eigenspace, so that
/// from one, (2, 2, 1) looks like (2, 1). When k pairs have all but converged, another random vector is put in,
/// orthogonal to all before, and all lines go on for some steps. A vector of an eigenspace above the k-th value of
/// which nothing was in the space grows from it: values are found larger than they were by more than they were wrong,
/// or may yet be, where a value behind the k-th with its residual reaches above it.
///
/// A statement of likelihood, not a proof: of 400 spectra with up to four copies of several values in close company,
/// one start vector misses a value in 174, two in 39, and two with the probe in 26.
class Probe {
 public:
  explicit Probe(bool wanted) : wanted_(wanted) {}
  void require() { wanted_ = true; }
  bool wanted() const { return wanted_; }
  bool running(std::int64_t products) const { return products < until_; }
  /// Whether it is time: steps left, by the schedule, are not more than the probe takes. A step takes the `pending`
  /// vectors, a product each.
  bool is_due(std::int64_t products, std::int64_t pending, double left) const {
    return wanted_ && !begun_ && left <= length(products, pending);
  }
  /// Another vector was put in, one of the `pending`, when the values were these.
  void begin(std::span<const double> values, std::span<const double> residual, std::int64_t k, std::int64_t products,
             std::int64_t pending);
  /// Of converged values, and all behind them: they may be returned; more steps are needed to tell; or another vector
  /// is to be put in. Values are the same if they are larger by `slack` of each, `rounding`, or the error that they
  /// had.
  enum class Verdict { passed, go_on, another };
  Verdict verdict(std::span<const double> values, std::span<const double> residual, std::int64_t products, double slack,
                  double rounding);

 private:
  // Steps that a probe takes.
  static double length(std::int64_t products, std::int64_t pending) {
    return std::fmax(3, static_cast<double>(products) / static_cast<double>(16 * pending));
  }

  bool wanted_;
  bool begun_ = false;
  std::vector<double> before_;
  std::vector<double> error_;
  std::int64_t once_ = 0;   // products of a probe
  std::int64_t until_ = 0;  // products
  std::int64_t last_ = 0;   // no longer than this
};

}  // namespace sigmax
