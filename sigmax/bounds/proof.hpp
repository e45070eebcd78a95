// The only maker of bounds: whoever includes this file states a theorem.
//
// Internal to bounds/ and to tests; the layer check refuses it everywhere else. A caller that wants a bound asks
// bounds/ for a certificate.
#pragma once

#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// Turns a number that an argument has shown to be a bound into one of the bound types. The argument stands above the
/// line that calls it.
class Proof {
 public:
  /// The quantity is at least `value`, every rounding error of its evaluation included.
  static LowerBound lower(double value) { return LowerBound(value, Certainty::proven, 0.0); }

  /// The quantity is at least `value`, except with probability `failure_probability` over the solver's own random start.
  static LowerBound probabilistic_lower(double value, double failure_probability) {
    return LowerBound(value, Certainty::probabilistic, failure_probability);
  }

  /// The quantity is at most `value`, every rounding error of its evaluation included.
  static UpperBound proven(double value) { return UpperBound(value, Certainty::proven, 0.0); }

  /// The quantity is at most `value`, except with probability `failure_probability` over the solver's own random start.
  static UpperBound probabilistic(double value, double failure_probability) {
    return UpperBound(value, Certainty::probabilistic, failure_probability);
  }
};

}  // namespace sigmax::bounds
