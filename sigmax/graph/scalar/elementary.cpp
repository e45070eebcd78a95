// Exponentials, logarithms and what is made of them.
//
// e^x: k = round(x / ln 2), r = x - k ln 2, |r| < 0.35, and the sum of r^n / n! to n = 14. What is left out is at most
// |r|^15 / 15! (1 + r/16 + ...) < 0.35^15 / 15! 1.03 < 1.2e-19. ln 2 is the sum of two doubles, the first of 32 bits,
// so that k times it is exact, the second within one double of the rest.
//
// log x: x = 2^k m, m in [0.7, 1.4], s = (m - 1) / (m + 1), |s| < 0.177, t = s^2 < 0.0314, and
// log m = 2 s (1 + t/3 + t^2/5 + ...) to t^11. The rest of the bracket is positive and at most
// t^12 / (25 (1 - t)) < 4e-20.
//
// erf x = 2/sqrt(pi) e^(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!, all terms positive. Once the ratio of two terms,
// 2 x^2 / (2n+3), is at most 1/2, it stays so, and the rest is at most the last term. For x >= 6,
// 1 - erf x < e^(-x^2) / (x sqrt(pi)) < 2.2e-17.
#include "sigmax/graph/scalar/elementary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph {
namespace {

constexpr double kBelowOne = 1 - 0x1p-53;

// ln 2 = 0x1.62e42feep-1 + 0x1.a39ef35793c76...p-33, the digits as in any implementation of C's log.
constexpr double kLn2Head = 0x1.62e42feep-1;
constexpr Interval kLn2Tail{0x1.a39ef35793c75p-33, 0x1.a39ef35793c77p-33};

/// k ln 2 for an integer |k| < 2^20.
Interval times_ln2(double k) { return point(k * kLn2Head) + point(k) * kLn2Tail; }

/// (e^r - 1) / r for |r| < 0.35: 1 + r/2 (1 + r/3 (...))
Interval exponential_quotient(const Interval& r) {
  constexpr double kRest = 1.2e-19 / 0.34;  // in units of the quotient, whose first term is 1
  Interval sum = point(1);
  for (int n = 14; n >= 2; --n) sum = point(1) + r * sum / point(n);
  return sum + Interval{-kRest, kRest};
}

Interval exponential_at(double x) {
  if (x == 0) return point(1);
  if (x > 710) return {std::numeric_limits<double>::max(), kInfinity};  // e^710 > 2e308
  if (x < -746) return {0, 0x1p-1074};                                  // e^-746 < 2^-1075
  const double k = std::nearbyint(x * 1.4426950408889634);
  const Interval r = (point(x) - point(k * kLn2Head)) - point(k) * kLn2Tail;
  const Interval result = scaled(point(1) + r * exponential_quotient(r), static_cast<int>(k));
  return {std::max(result.least, 0.0), result.greatest};
}

Interval exponential_minus_1_at(double x) {
  if (x == 0) return point(0);
  if (std::fabs(x) < 0.34) return point(x) * exponential_quotient(point(x));
  return exponential_at(x) - point(1);
}

/// 2 artanh(s) = log((1 + s) / (1 - s)) for |s| < 0.177.
Interval twice_artanh(const Interval& s) {
  const Interval t = square(s);
  Interval sum = point(1) / point(23) + Interval{0, 1.3e-3};  // the rest in units of t^11: t / (25 (1 - t))
  for (int n = 10; n >= 0; --n) sum = point(1) / point(2 * n + 1) + t * sum;
  return point(2) * s * sum;
}

Interval logarithm_at(double x) {
  if (x == 0) return {-kInfinity, -745};  // an end: log of what is nearer to 0 than any double
  if (x == 1) return point(0);
  if (std::isinf(x)) return {709, kInfinity};
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.7) {
    m *= 2;
    --exponent;
  }
  return times_ln2(exponent) + twice_artanh(point(m - 1) / (point(m) + point(1)));
}

Interval logarithm_of_1_plus_at(double x) {
  if (x == 0) return point(0);
  if (-0.29 < x && x < 0.41) return twice_artanh(point(x) / (point(2) + point(x)));
  const Interval sum = point(1) + point(x);
  return {logarithm_at(std::max(sum.least, 0.0)).least, logarithm_at(sum.greatest).greatest};
}

Interval sigmoid_at(double x) {
  if (x > -30) return point(1) / (point(1) + exponential_at(-x));
  const Interval e = exponential_at(x);  // e / (1 + e) rises with e
  return {(point(e.least) / (point(1) + point(e.least))).least,
          (point(e.greatest) / (point(1) + point(e.greatest))).greatest};
}

/// Of x >= 0.
Interval hyperbolic_tangent_at(double x) {
  if (x == 0) return point(0);
  if (x > 0.17) return point(1) - point(2) / (exponential_at(2 * x) + point(1));
  const Interval e = exponential_minus_1_at(2 * x);  // e / (e + 2) increases with e
  return {(point(e.least) / (point(e.least) + point(2))).least,
          (point(e.greatest) / (point(e.greatest) + point(2))).greatest};
}

Interval softplus_at(double x) {
  if (x > 0) return point(x) + logarithm_of_1_plus(exponential_at(-x));
  return logarithm_of_1_plus(exponential_at(x));
}

/// Of x >= 0.
Interval error_function_at(double x) {
  if (x == 0) return point(0);
  if (x >= 6) return {kBelowOne, 1};
  const Interval x2 = square(point(x));
  const Interval twice = point(2) * x2;
  Interval term = point(x);
  Interval sum = term;
  // The ratio falls below 1/2 at n = 71 at the latest, and from there 64 terms more suffice.
  for (int n = 0; n < 140; ++n) {
    const Interval ratio = twice / point(2 * n + 3);
    if (ratio.greatest <= 0.5 && term.greatest < 0x1p-64 * sum.least) break;
    term = term * ratio;
    sum = sum + term;
  }
  const Interval value = two_over_root_pi() * exponential(-x2) * (sum + Interval{0, term.greatest});
  return {std::min(value.least, kBelowOne), std::min(value.greatest, 1.0)};
}

template <class At>
Interval rising(const Interval& a, At at) {
  if (is_point(a)) return at(a.least);
  return {at(a.least).least, at(a.greatest).greatest};
}

template <class At>
Interval rising_odd(const Interval& a, At at) {
  return rising(a, [&at](double x) { return x < 0 ? -at(-x) : at(x); });
}

/// x^n for n >= 1.
Interval integer_power_at(double x, std::int64_t n) {
  Interval result = point(1);
  Interval factor = point(x);
  for (; n > 0; n /= 2) {
    if (n % 2 == 1) result = result * factor;
    if (n > 1) factor = factor * factor;
  }
  return result;
}

Interval integer_power(const Interval& a, std::int64_t n) {
  if (n == 0) return point(1);
  const auto at = [n](double x) { return integer_power_at(x, n); };
  return rising(n % 2 == 0 ? absolute(a) : a, at);
}

}  // namespace

Interval two_over_root_pi() { return point(2) / square_root(point(2) * half_pi()); }

Interval exponential(const Interval& a) { return rising(a, exponential_at); }
Interval exponential_minus_1(const Interval& a) { return rising(a, exponential_minus_1_at); }

Interval logarithm(const Interval& a) { return a.least > 0 ? rising(a, logarithm_at) : kAllNumbers; }

Interval logarithm_of_1_plus(const Interval& a) {
  return a.least > -1 ? rising(a, logarithm_of_1_plus_at) : kAllNumbers;
}

Interval hyperbolic_tangent(const Interval& a) { return rising_odd(a, hyperbolic_tangent_at); }
Interval sigmoid(const Interval& a) { return rising(a, sigmoid_at); }
Interval softplus(const Interval& a) { return rising(a, softplus_at); }
Interval error_function(const Interval& a) { return rising_odd(a, error_function_at); }

Interval power(const Interval& a, double exponent) {
  if (exponent == std::nearbyint(exponent) && std::fabs(exponent) <= 1024) {
    const auto n = static_cast<std::int64_t>(exponent);
    return n >= 0 ? integer_power(a, n) : point(1) / integer_power(a, -n);
  }
  if (a.least < 0) return kAllNumbers;
  if (exponent == 0.5) return square_root(a);
  if (exponent < 0) return a.least == 0 ? kAllNumbers : point(1) / power(a, -exponent);
  return rising(a, [exponent](double x) {
    if (x == 0 || x == 1) return point(x);
    return exponential(logarithm_at(x) * point(exponent));
  });
}

}  // namespace sigmax::graph
