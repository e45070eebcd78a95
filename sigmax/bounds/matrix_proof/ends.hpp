// Ends of enclosures: moved outward, scaled, compared with another computation. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/bounds/measured.hpp"
#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// An end that computed numbers show, which fails with that probability; 0: proven. Nothing is known from a
/// probability of 1 or more: the lower end is then 0, and the upper end is missing. A lower end is at most the largest
/// double; one that is not positive is 0, and an infinite upper end is missing.
LowerBound lower_end(double value, double failure);
std::optional<UpperBound> upper_end(double value, double failure);

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
