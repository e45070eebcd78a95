// Whether a Krylov process has missed a copy of a multiple value. Internal to svd/.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace sigmax {

/// Whether a multiple value has been missed. From p vectors a Krylov space holds p vectors of each eigenspace, so that
/// from one vector the values (2, 2, 1) look like (2, 1). When k pairs have all but converged, another random vector is
/// put in, orthogonal to all before, and all lines go on for some steps. If the space held nothing of some vector of an
/// eigenspace above the k-th value, that vector now grows: values come out larger than before by more than they were
/// wrong, or may yet do so, where a value behind the k-th reaches above it with its residual.
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
