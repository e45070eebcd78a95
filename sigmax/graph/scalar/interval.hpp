// Arithmetic of intervals with ends rounded outward: for all numbers of the operands, the exact result lies in the
// interval. An end that is exact in double stays so, and others are the next double. Internal to graph/ and lipschitz/.
//
// Ends may be infinite. The end of a product of 0 and infinity is 0: an interval has no infinite number in it. An
// operation that is not defined for all numbers of its operands returns all numbers.
#pragma once

#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/scalar_function.hpp"

namespace sigmax::graph {

inline constexpr Interval kAllNumbers{-kInfinity, kInfinity};

/// [x, x]
constexpr Interval point(double x) { return {x, x}; }

constexpr bool is_point(const Interval& a) { return a.least == a.greatest; }
constexpr bool contains(const Interval& a, double x) { return a.least <= x && x <= a.greatest; }

/// Both ends are finite.
bool is_bounded(const Interval& a);

/// The least interval that has both.
Interval hull(const Interval& a, const Interval& b);

/// What both have in common, for two enclosures of one number or function. Throws InternalError if it is empty.
Interval common(const Interval& a, const Interval& b);

/// At least greatest - least.
double width(const Interval& a);

/// The largest |x|.
double magnitude(const Interval& a);

/// A number of the interval, near its middle. The interval must be bounded.
double middle(const Interval& a);

Interval operator-(const Interval& a);
Interval operator+(const Interval& a, const Interval& b);
Interval operator-(const Interval& a, const Interval& b);
Interval operator*(const Interval& a, const Interval& b);
Interval operator/(const Interval& a, const Interval& b);  ///< all numbers if b contains 0

Interval absolute(const Interval& a);
Interval minimum(const Interval& a, const Interval& b);
Interval maximum(const Interval& a, const Interval& b);

/// a a, for both factors the same number.
Interval square(const Interval& a);

/// Of the numbers that are not negative; all numbers if there are others.
Interval square_root(const Interval& a);

/// 2^exponent a
Interval scaled(const Interval& a, int exponent);

}  // namespace sigmax::graph
