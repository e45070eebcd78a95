// Sine, cosine and arctangent of elementary.hpp.
//
// sin and cos: k = round(2 x / pi), r = x - k pi/2, |r| < 0.786, with pi/2 as the sum of three doubles, the first two
// of 33 bits, so that k times each of them is exact for |k| < 2^20. Terms alternate and shrink, so what is left out is
// at most the next one: in units of r, r^18 / 19! < 1.2e-19; r^20 / 20! < 4e-21.
//
// atan: x > 1 becomes pi/2 - atan(1/x). Twice atan x = 2 atan(x / (1 + sqrt(1 + x^2))) leaves |x| < 0.199, and the
// terms alternate and shrink: in units of x, x^28 / 29 < 1e-20 after 14 of them.
#include <cmath>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

#include "sigmax/graph/scalar/elementary.hpp"

namespace sigmax::graph {
namespace {

// pi/2 = 0x1.921fb544p+0 + 0x1.0b4611a6p-34 + 0x1.3198a2e037073...p-69
constexpr double kHalfPi1 = 0x1.921fb544p+0;
constexpr double kHalfPi2 = 0x1.0b4611a6p-34;
constexpr Interval kHalfPi3{0x1.3198a2e037072p-69, 0x1.3198a2e037074p-69};

// Beyond it the reduction is not exact, and the functions return [-1, 1].
constexpr double kFarAway = 0x1p19;

const Interval kOne = {1, 1};

/// sin r and cos r for |r| < 0.787.
Interval near_sine(const Interval& r) {
  const Interval r2 = square(r);
  Interval sum = kOne;
  for (int n = 8; n >= 1; --n) sum = kOne - r2 * sum / point(2.0 * n * (2 * n + 1));
  return r * (sum + Interval{-1.2e-19, 1.2e-19});
}

Interval near_cosine(const Interval& r) {
  const Interval r2 = square(r);
  Interval sum = kOne;
  for (int n = 9; n >= 1; --n) sum = kOne - r2 * sum / point(2.0 * n * (2 * n - 1));
  return sum + Interval{-4e-21, 4e-21};
}

/// sin(x + quarter pi/2)
Interval sine_at(double x, int quarter) {
  if (!(std::fabs(x) < kFarAway)) return {-1, 1};
  const double k = std::nearbyint(x * 0.6366197723675814);
  const Interval r = ((point(x) - point(k * kHalfPi1)) - point(k * kHalfPi2)) - point(k) * kHalfPi3;
  const int turn = ((static_cast<int>(k) + quarter) % 4 + 4) % 4;
  const Interval value = turn % 2 == 0 ? near_sine(r) : near_cosine(r);
  return common(turn < 2 ? value : -value, {-1, 1});
}

/// Whether a point (quarter + 4 j) pi/2 lies in `a`, or may lie in it.
bool meets(const Interval& a, int quarter) {
  const double turn = 4 * 1.5707963267948966;
  const double first = std::floor(a.least / turn) - 2;
  for (double j = first; j <= first + 5; ++j) {
    const Interval place = point(quarter + 4 * j) * half_pi();
    if (place.least <= a.greatest && a.least <= place.greatest) return true;
  }
  return false;
}

Interval sine_over(const Interval& a, int quarter) {
  if (is_point(a)) return sine_at(a.least, quarter);
  if (!(magnitude(a) < kFarAway) || width(a) > 6) return {-1, 1};
  Interval result = hull(sine_at(a.least, quarter), sine_at(a.greatest, quarter));
  if (meets(a, 1 - quarter)) result.greatest = 1;
  if (meets(a, -1 - quarter)) result.least = -1;
  return result;
}

/// Of 0 <= x.
Interval arctangent_at(double x) {
  if (x == 0) return point(0);
  if (std::isinf(x)) return half_pi();
  if (x > 1) {
    const Interval inverse = kOne / point(x);
    return half_pi() - Interval{arctangent_at(inverse.least).least, arctangent_at(inverse.greatest).greatest};
  }
  Interval t = point(x);
  for (int pass = 0; pass < 2; ++pass) t = t / (kOne + square_root(kOne + square(t)));
  const Interval t2 = square(t);
  Interval sum = kOne / point(27);
  for (int n = 12; n >= 0; --n) sum = kOne / point(2 * n + 1) - t2 * sum;
  return point(4) * t * (sum + Interval{-1e-20, 1e-20});
}

}  // namespace

Interval half_pi() { return point(kHalfPi1) + (point(kHalfPi2) + kHalfPi3); }

Interval sine(const Interval& a) { return sine_over(a, 0); }
Interval cosine(const Interval& a) { return sine_over(a, 1); }

Interval arctangent(const Interval& a) {
  const auto at = [](double x) { return x < 0 ? -arctangent_at(-x) : arctangent_at(x); };
  return {at(a.least).least, at(a.greatest).greatest};
}

}  // namespace sigmax::graph
