// Bounds on the rounding of single operations, for sums over many entries, and what boxes need beyond the arithmetic of
// intervals (scalar/interval.hpp). Internal to graph/ and lipschitz/.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/scalar/interval.hpp"

namespace sigmax::graph {

/// At least the exact result of an operation that was rounded to x: the exact result is less than the next double away.
/// Infinite for NaN. An end that overflowed inward is the largest double of its sign.
inline double up(double x) {
  constexpr double most = std::numeric_limits<double>::max();
  if (!(x < kInfinity)) return kInfinity;
  if (x < -most) return -most;
  return x + (std::fabs(x) * 0x1p-52 + 0x1p-1074);
}

/// At most it.
inline double down(double x) { return -up(-x); }

/// What two enclosures of one number have in common; `a`, if that is nothing.
inline Interval overlap(const Interval& a, const Interval& b) {
  const Interval both{std::max(a.least, b.least), std::min(a.greatest, b.greatest)};
  return both.least <= both.greatest ? both : a;
}

}  // namespace sigmax::graph
