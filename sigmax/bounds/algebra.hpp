// Arithmetic of enclosures: from the enclosures of quantities to the enclosure of their sum, norm or extreme. Every
// rounding error is included, so proven ends give proven ends.
//
// The quantities are not negative, and each function here, except quotient(), grows with each of them: the lower ends
// give the lower end, the upper ends the upper one. An end that depends on probabilistic ends is probabilistic; their
// failure probabilities add up. If they reach 1, or if a required end is missing, the end is missing (0, for a lower
// end). All functions throw Error if there are no quantities.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// [value, value]: the quantity is this number, such as an entry of a matrix. Throws Error if it is negative or not
/// finite.
Enclosure exactly(double value);

/// (sum x_i^p)^(1/p), p >= 1: the sum for p = 1, the largest for infinity. The relative width is that of the widest x_i
/// plus about (n + 200) u. Throws Error for p < 1 or NaN.
Enclosure p_norm(std::span<const Enclosure> x, double p);

/// (sum |x_i|^p)^(1/p) of exact numbers of any sign. Throws Error as above, and if a number is not finite.
Enclosure p_norm(std::span<const double> x, double p);

Enclosure largest(std::span<const Enclosure> x);
Enclosure smallest(std::span<const Enclosure> x);

/// x^2.
Enclosure square(const Enclosure& x);

/// x / y. Unlike the others it falls as y grows: the lower end comes from the lower end of x and the upper end of y.
/// The upper end is missing where y may be 0.
Enclosure quotient(const Enclosure& x, const Enclosure& y);

/// A quantity that is at least the quantity of `below` and at most that of `above`: their outer ends. Either kind is
/// kept with its end.
Enclosure between(const Enclosure& below, const Enclosure& above);

/// sum_i |a_ij| for each j of a matrix that comes row by row.
class ColumnSums {
 public:
  /// Throws Error if there are no columns.
  explicit ColumnSums(std::size_t columns);

  /// Throws Error if the row has a different length or a number that is not finite.
  void add(std::span<const double> row);

  std::vector<Enclosure> enclosures() const;

 private:
  std::vector<double> sums_;
  std::int64_t rows_ = 0;
};

}  // namespace sigmax::bounds
