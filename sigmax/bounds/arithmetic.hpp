// One enclosure from another: reciprocals, powers of two, the better ends of two. Every rounding error is included, so
// proven ends give proven ends; failure probabilities add up as in bounds/algebra.hpp, which combines enclosures to
// norms. Sums and products of two are in bounds/interval.hpp.
#pragma once

#include <cstdint>

#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// 1 / x: without an upper end if x may be 0, with a lower end of 0 if x has no upper end.
Enclosure reciprocal(const Enclosure& x);

/// 2^exponent x. Exact except for underflow, 2^-1074, and overflow.
Enclosure scaled(const Enclosure& x, std::int64_t exponent);

/// The lower end of x alone: for a quantity that is at least x.
Enclosure at_least(const Enclosure& x);

/// Both enclose the same quantity: the better of the lower ends and the better of the upper ends. Throws InternalError
/// if proven ends contradict each other.
Enclosure tighter(const Enclosure& x, const Enclosure& y);

}  // namespace sigmax::bounds
