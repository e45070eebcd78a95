// Ends of enclosures: moved outward, scaled, compared with another computation. Internal to bounds/.
#pragma once

#include <cstdint>

#include "sigmax/bounds/measured.hpp"
#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// Both ends of every enclosure move outward by 2^-49. This covers the entries that in_range() lost to underflow and
/// the last operations on the ends themselves, and puts the last digits of a double-precision SVD inside.
LowerBound widened_lower(double value);
double widened_upper(double value);

/// [0, 0], proven.
Enclosure zero_enclosure();

/// The enclosure of 2^exponent times the quantity. An upper end that overflows is dropped.
Measured scaled(const Measured& measured, std::int64_t exponent);

/// The enclosure of `factor` times the quantity, factor a power of two, as in InRange.
Measured scaled(const Measured& measured, double factor);

/// `computed` is another computation of the quantity, with a relative error of at most `error`; it becomes the
/// estimate. A probabilistic upper end below it is replaced by `proven`: its random start has failed. Throws
/// InternalError if `computed` contradicts a proven end.
Measured reconciled(const Measured& measured, double computed, double error, const UpperBound& proven);

}  // namespace sigmax::bounds
