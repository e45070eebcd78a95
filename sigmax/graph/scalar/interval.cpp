// Each operation rounds to nearest, and the error of that tells in which direction the exact result lies:
//
//   a + b: Knuth's two-sum gives the error exactly.
//   a b:   fma(a, b, -p) is the error of p, exactly where p is not near underflow.
//   a / b: a - q b, one fma, is exact there too, and has the sign of the error times b.
//   sqrt:  a - s s likewise.
//
// Where the error is 0, the end stays; where it may have been lost, the end moves by one double, which always suffices
// for a result rounded to nearest.
#include "sigmax/graph/scalar/interval.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph {
namespace {

constexpr double kLargestDouble = std::numeric_limits<double>::max();

// Above it, neither the error of a product nor the remainder of a quotient underflows: they are at least 2^-106 times
// as large as what they belong to, or 0.
constexpr double kFarFromUnderflow = 0x1p-900;

// The next double, as std::nextafter, without a call. Doubles of one sign are in the order of their bits.
double above(double x) {
  if (x == kInfinity) return x;
  if (x == 0) return 0x1p-1074;
  return std::bit_cast<double>(std::bit_cast<std::int64_t>(x) + (x > 0 ? 1 : -1));
}

double below(double x) { return -above(-x); }

/// The ends for an exact result with this error, exact - rounded. NaN: not known.
Interval around(double rounded, double error) {
  if (error == 0) return point(rounded);
  if (error > 0) return {rounded, above(rounded)};
  if (error < 0) return {below(rounded), rounded};
  return {below(rounded), above(rounded)};
}

/// The ends for a result of finite numbers whose rounding overflowed.
Interval overflowed(double rounded) {
  return rounded > 0 ? Interval{kLargestDouble, kInfinity} : Interval{-kInfinity, -kLargestDouble};
}

Interval sum_of(double a, double b) {
  const double sum = a + b;
  if (std::isnan(sum)) return kAllNumbers;
  if (std::isinf(sum)) return std::isinf(a) || std::isinf(b) ? point(sum) : overflowed(sum);
  const double shadow = sum - a;
  return around(sum, (a - (sum - shadow)) + (b - shadow));
}

Interval product_of(double a, double b) {
  if (a == 0 || b == 0) return point(0);
  const double product = a * b;
  if (std::isinf(product)) return std::isinf(a) || std::isinf(b) ? point(product) : overflowed(product);
  if (std::fabs(product) < kFarFromUnderflow) return {below(product), above(product)};
  return around(product, std::fma(a, b, -product));
}

/// b is not 0. The quotient of two infinities is 0: other quotients of the same ends are 0 and infinite.
Interval quotient_of(double a, double b) {
  if (a == 0 || std::isinf(b)) return point(0);
  const double quotient = a / b;
  if (std::isinf(quotient)) return std::isinf(a) ? point(quotient) : overflowed(quotient);
  if (std::fabs(quotient) < kFarFromUnderflow || std::fabs(a) < kFarFromUnderflow) {
    return {below(quotient), above(quotient)};
  }
  const double remainder = std::fma(-quotient, b, a);
  return around(quotient, b > 0 ? remainder : -remainder);
}

Interval root_of(double a) {
  if (a == 0 || std::isinf(a)) return point(a);
  const double root = std::sqrt(a);
  if (a < kFarFromUnderflow) return {std::max(below(root), 0.0), above(root)};
  return around(root, std::fma(-root, root, a));
}

template <class Operation>
Interval over_ends(const Interval& a, const Interval& b, Operation operation) {
  const Interval all[] = {operation(a.least, b.least), operation(a.least, b.greatest), operation(a.greatest, b.least),
                          operation(a.greatest, b.greatest)};
  return hull(hull(all[0], all[1]), hull(all[2], all[3]));
}

}  // namespace

bool is_bounded(const Interval& a) { return std::isfinite(a.least) && std::isfinite(a.greatest); }

Interval hull(const Interval& a, const Interval& b) {
  return {std::min(a.least, b.least), std::max(a.greatest, b.greatest)};
}

Interval common(const Interval& a, const Interval& b) {
  const Interval result{std::max(a.least, b.least), std::min(a.greatest, b.greatest)};
  if (!(result.least <= result.greatest)) throw InternalError("[interval] two enclosures have nothing in common");
  return result;
}

double width(const Interval& a) { return sum_of(a.greatest, -a.least).greatest; }

double magnitude(const Interval& a) { return std::max(std::fabs(a.least), std::fabs(a.greatest)); }

double middle(const Interval& a) {
  const double half = a.least / 2 + a.greatest / 2;
  return std::clamp(half, a.least, a.greatest);
}

Interval operator-(const Interval& a) { return {-a.greatest, -a.least}; }

Interval operator+(const Interval& a, const Interval& b) {
  return {sum_of(a.least, b.least).least, sum_of(a.greatest, b.greatest).greatest};
}

Interval operator-(const Interval& a, const Interval& b) { return a + (-b); }

Interval operator*(const Interval& a, const Interval& b) {
  if (is_point(a) && is_point(b)) return product_of(a.least, b.least);
  if (a.least >= 0 && b.least >= 0) {
    return {product_of(a.least, b.least).least, product_of(a.greatest, b.greatest).greatest};
  }
  return over_ends(a, b, product_of);
}

Interval operator/(const Interval& a, const Interval& b) {
  if (contains(b, 0)) return kAllNumbers;
  return over_ends(a, b, quotient_of);
}

Interval absolute(const Interval& a) {
  if (a.least >= 0) return a;
  if (a.greatest <= 0) return -a;
  return {0, magnitude(a)};
}

Interval minimum(const Interval& a, const Interval& b) {
  return {std::min(a.least, b.least), std::min(a.greatest, b.greatest)};
}

Interval maximum(const Interval& a, const Interval& b) {
  return {std::max(a.least, b.least), std::max(a.greatest, b.greatest)};
}

Interval square(const Interval& a) {
  const Interval size = absolute(a);
  return {product_of(size.least, size.least).least, product_of(size.greatest, size.greatest).greatest};
}

Interval square_root(const Interval& a) {
  if (a.least < 0) return kAllNumbers;
  return {root_of(a.least).least, root_of(a.greatest).greatest};
}

Interval scaled(const Interval& a, int exponent) {
  const auto end = [exponent](double x) {
    const double moved = std::ldexp(x, exponent);
    if (std::isinf(moved) && std::isfinite(x)) return overflowed(moved);
    if (x == 0 || std::fabs(moved) >= std::numeric_limits<double>::min()) return point(moved);
    return Interval{below(moved), above(moved)};
  };
  return {end(a.least).least, end(a.greatest).greatest};
}

}  // namespace sigmax::graph
