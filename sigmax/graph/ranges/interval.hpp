// Interval arithmetic, rounded outward. Internal to the library.
//
// A double operation is rounded to nearest, so that the exact result is less than the next double away. Intervals stand
// for sets of real numbers: an infinite end is not a number, 0 times it is 0, and an end that overflows inward stays
// the largest double.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/scalar_function.hpp"

namespace sigmax::graph {

inline constexpr double kGreatest = std::numeric_limits<double>::max();

/// At least the exact result of an operation that gave x; infinite for NaN.
inline double up(double x) {
  if (!(x < kInfinity)) return kInfinity;
  if (x < -kGreatest) return -kGreatest;
  return x + (std::fabs(x) * 0x1p-52 + 0x1p-1074);
}

/// At most it.
inline double down(double x) { return -up(-x); }

inline bool is_finite(const Interval& x) { return std::isfinite(x.least) && std::isfinite(x.greatest); }

/// The greatest |x|.
inline double magnitude(const Interval& x) { return std::max(std::fabs(x.least), std::fabs(x.greatest)); }

inline bool contains_zero(const Interval& x) { return x.least <= 0 && x.greatest >= 0; }

inline Interval exact(double x) { return {x, x}; }

/// The intersection of two intervals that enclose the same number; `a`, if rounding left nothing.
inline Interval both(const Interval& a, const Interval& b) {
  const Interval common{std::max(a.least, b.least), std::min(a.greatest, b.greatest)};
  return common.least <= common.greatest ? common : a;
}

inline Interval hull(const Interval& a, const Interval& b) {
  return {std::min(a.least, b.least), std::max(a.greatest, b.greatest)};
}

inline Interval operator-(const Interval& a) { return {-a.greatest, -a.least}; }

inline Interval operator+(const Interval& a, const Interval& b) {
  if (b == exact(0)) return a;
  if (a == exact(0)) return b;
  return {down(a.least + b.least), up(a.greatest + b.greatest)};
}

inline Interval operator-(const Interval& a, const Interval& b) { return a + -b; }

inline Interval operator*(const Interval& a, const Interval& b) {
  if (a == exact(0) || b == exact(0)) return exact(0);
  const auto times = [](double x, double y) { return x == 0 || y == 0 ? 0 : x * y; };
  const double ends[] = {times(a.least, b.least), times(a.least, b.greatest), times(a.greatest, b.least),
                         times(a.greatest, b.greatest)};
  Interval product{down(*std::ranges::min_element(ends)), up(*std::ranges::max_element(ends))};
  // Underflow does not change the sign.
  if ((a.least >= 0 && b.least >= 0) || (a.greatest <= 0 && b.greatest <= 0)) {
    product.least = std::max(product.least, 0.0);
  }
  if ((a.least >= 0 && b.greatest <= 0) || (a.greatest <= 0 && b.least >= 0)) {
    product.greatest = std::min(product.greatest, 0.0);
  }
  return product;
}

/// a / b; everything if b contains 0.
inline Interval operator/(const Interval& a, const Interval& b) {
  if (contains_zero(b)) return {};
  return a * Interval{down(1 / b.greatest), up(1 / b.least)};
}

inline Interval square(const Interval& a) {
  const double most = magnitude(a);
  const double least = contains_zero(a) ? 0 : std::min(std::fabs(a.least), std::fabs(a.greatest));
  return {std::max(0.0, down(least * least)), up(most * most)};
}

inline Interval square_root(const Interval& a) {
  return {std::max(0.0, down(std::sqrt(std::max(0.0, a.least)))), up(std::sqrt(std::max(0.0, a.greatest)))};
}

inline Interval absolute(const Interval& a) {
  if (contains_zero(a)) return {0, magnitude(a)};
  return {std::min(std::fabs(a.least), std::fabs(a.greatest)), magnitude(a)};
}

inline Interval greater_of(const Interval& a, const Interval& b) {
  return {std::max(a.least, b.least), std::max(a.greatest, b.greatest)};
}

inline Interval lesser_of(const Interval& a, const Interval& b) {
  return {std::min(a.least, b.least), std::min(a.greatest, b.greatest)};
}

/// exp and log at ends, right to 4 units in the last place, and their intervals.
inline double exp_up(double x) { return up(std::exp(x) * (1 + 0x1p-50)) + 0x1p-1070; }
inline double exp_down(double x) { return std::max(0.0, down(std::exp(x) * (1 - 0x1p-50)) - 0x1p-1070); }
inline Interval exponential(const Interval& x) { return {exp_down(x.least), exp_up(x.greatest)}; }
inline Interval logarithm(const Interval& x) {
  const auto margin = [](double y) { return std::isfinite(y) ? std::fabs(y) * 0x1p-50 : 0.0; };
  const double least = std::log(std::max(0.0, x.least));
  const double greatest = std::log(std::max(0.0, x.greatest));
  return {down(least - margin(least)), up(greatest + margin(greatest))};
}

}  // namespace sigmax::graph
