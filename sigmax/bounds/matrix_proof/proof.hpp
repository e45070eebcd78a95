// The only place where bounds are made: a file that includes this one states a theorem.
//
// Internal to bounds/ and to tests; the layer check refuses it everywhere else. A caller that wants a bound asks
// bounds/ for a certificate.
#pragma once

#include <optional>
#include <string_view>

#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// Turns a number that an argument has shown to be a bound into one of the bound types. The argument stands above the
/// line that calls it.
///
/// It is also the only gate: a number that no argument can have shown throws InternalError.
class Proof {
 public:
  /// The quantity is at least `value`, every rounding error of its evaluation included. A finite number, 0 or more.
  static LowerBound lower(double value);

  /// The quantity is at least `value`, except with probability `failure_probability` over the solver's own random
  /// start.
  static LowerBound probabilistic_lower(double value, double failure_probability);

  /// The quantity is at most `value`, every rounding error of its evaluation included. 0 or more; infinite: unknown.
  static UpperBound proven(double value);

  /// The quantity is at most `value`, except with probability `failure_probability` over the solver's own random start.
  static UpperBound probabilistic(double value, double failure_probability);

  /// Both ends. An infinite upper end counts as missing. A probabilistic upper end below `lower` is refuted and
  /// dropped; a proven one below `lower` is impossible and throws InternalError.
  static Enclosure enclosure(LowerBound lower, std::optional<UpperBound> upper);
};

/// Throws InternalError: `what` is impossible, unless the matrix changed during the call or there is a bug.
[[noreturn]] void throw_contradiction(std::string_view what);

}  // namespace sigmax::bounds
