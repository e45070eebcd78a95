// The conjugate exponent p* of a p-norm, 1/p + 1/p* = 1, with the doubles on either side of it. Internal to norms/.
#pragma once

#include <cmath>
#include <limits>

namespace sigmax::norms {

/// Throws Error, beginning with [`who`], unless p >= 1.
void require_power(const char* who, double p);

/// Two doubles around a number: equal if the number is a double.
struct Bracket {
  double down = 0;
  double up = 0;

  bool is_exact() const noexcept { return down == up; }
};

/// p / (p - 1) for p >= 1: infinity for 1, 1 for infinity, rounded to nearest elsewhere.
inline double conjugate(double p) {
  if (std::isinf(p)) return 1;
  return p == 1 ? std::numeric_limits<double>::infinity() : p / (p - 1);
}

/// The doubles around p / (p - 1). A p-norm falls as p grows, so the norms of these two exponents enclose the norm of
/// the conjugate. p - 1 is exact for 1 <= p <= 2^53; beyond, p* lies between 1 and the next double.
inline Bracket conjugate_bracket(double p) {
  const double nearest = conjugate(p);
  if (p == 1 || std::isinf(p)) return {nearest, nearest};
  if (p > 0x1p53) return {1, std::nextafter(1.0, 2.0)};
  const double rest = std::fma(nearest, p - 1, -p);  // the sign of nearest - p*
  if (rest == 0) return {nearest, nearest};
  if (rest > 0) return {std::nextafter(nearest, 0.0), nearest};
  return {nearest, std::nextafter(nearest, std::numeric_limits<double>::infinity())};
}

}  // namespace sigmax::norms
