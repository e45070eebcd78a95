// Whether a Krylov process has missed a copy of a multiple value. Internal to svd/.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace sigmax {

/// Tells whether a multiple value has been missed. From p vectors a Krylov space holds p vectors of each eigenspace, so
/// that from one vector the values (2, 2, 1) look like (2, 1). When k pairs have almost converged, another random
/// vector is injected, orthogonal to all vectors before, and the process continues for some steps. If the space lacked
/// some vector of an eigenspace above the k-th value, that vector now grows: values rise by more than their errors, or
/// may still do so if a value after the k-th reaches above it with its residual.
///
/// A statement of likelihood, not a proof: for 400 spectra with close values that occur up to four times, one start
/// vector misses a value in 174 spectra, two in 39, and two with the probe in 26.
class Probe {
 public:
  explicit Probe(bool wanted) : wanted_(wanted) {}
  void require() { wanted_ = true; }
  bool wanted() const { return wanted_; }
  bool running(std::int64_t products) const { return products < until_; }
  /// Whether it is time for the probe: the schedule expects no more steps than the probe takes. A step multiplies the
  /// `pending` vectors, one product each.
  bool is_due(std::int64_t products, std::int64_t pending, double left) const {
    return wanted_ && !begun_ && left <= length(products, pending);
  }
  /// Records that another vector was injected, one of the `pending`, when the values were these.
  void begin(std::span<const double> values, std::span<const double> residual, std::int64_t k, std::int64_t products,
             std::int64_t pending);
  /// The verdict on converged values and all values after them: they may be returned, more steps are needed to tell, or
  /// another vector must be injected. Values count as unchanged if they rose by at most `slack` of each, `rounding`, or
  /// the error that they had.
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
