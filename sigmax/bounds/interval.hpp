// Arithmetic of two enclosures of quantities that are not negative: sums, differences, products, condition numbers,
// roots, and what a change of known size makes of a quantity. Every rounding error is included. Quotients are in
// bounds/algebra.hpp.
//
// An end depends on the kinds of the ends that it is computed from, as in bounds/algebra.hpp: proven ends give proven
// ends, failure probabilities add up, and an end is missing (0, for a lower end) if it would need one that is missing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// [0, value]: for a quantity that the caller states to be at most this, such as |E|. Infinite: no upper end. Throws
/// Error if it is negative or NaN.
Enclosure at_most(double value);

/// [0, upper end of the limit]: a quantity that is at most another one.
Enclosure no_more_than(const Enclosure& limit);

/// a + b
Enclosure sum(const Enclosure& a, const Enclosure& b);

/// max(0, a - b)
Enclosure difference(const Enclosure& a, const Enclosure& b);

/// a b
Enclosure product(const Enclosure& a, const Enclosure& b);

/// |A| |A^+|, given both, in one submultiplicative norm: at least |A A^+| >= 1, A A^+ being a projection. A lower
/// end beyond the range of double is its largest number; such an upper end is missing.
Enclosure condition(const Enclosure& norm, const Enclosure& norm_of_pseudo_inverse);

/// sqrt(a)
Enclosure square_root(const Enclosure& a);

/// y >= 0 with |y - a| <= size.
Enclosure moved(const Enclosure& a, const Enclosure& size);

/// Mirsky's theorem, one value at a time. Let s_1 >= s_2 >= ... lie in `sigma` (the first of them; later values may be
/// left out) and t_1 >= t_2 >= ... with
///
///     sum_i (t_i - s_i)^2 <= size^2.
///
/// t_i <= x where sum_{j <= i} max(0, x - s_j)^2 = size^2, because t_j >= t_i for j <= i: to lift one value above its
/// neighbors, all of them must be lifted. The counterpart for the lower end has j >= i. Never wider than s_i -+ size,
/// and narrower by the square root of the number of values in a cluster. Sharp: a matrix diag(t) attains it.
std::vector<Enclosure> mirsky(std::span<const Enclosure> sigma, const Enclosure& size);

}  // namespace sigmax::bounds
