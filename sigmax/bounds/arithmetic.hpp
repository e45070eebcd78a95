// Condition numbers from enclosures of norms, reciprocals and powers of two. Every rounding error is included, so
// proven ends give proven ends; failure probabilities add up as in bounds/algebra.hpp, which combines enclosures to
// norms.
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

/// |A| |A^+|, given both, in one submultiplicative norm: at least |A A^+| >= 1, A A^+ being a projection. A lower
/// end beyond the range of double is its largest number; such an upper end is missing.
Enclosure condition(const Enclosure& norm, const Enclosure& norm_of_pseudo_inverse);

}  // namespace sigmax::bounds
