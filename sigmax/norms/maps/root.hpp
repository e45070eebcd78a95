// The root of a monotone function of one number. Internal to norms/.
#pragma once

#include <algorithm>
#include <cmath>

namespace sigmax::norms {

/// x in [low, high] with f(x) = 0 to rounding, for f that falls and f(low) >= 0 >= f(high): Illinois steps, and a
/// bisection where three of them have not halved the interval, so at most four steps for each of the about 1100
/// halvings that part two doubles of one sign, and 2000 in the worst case of an interval around 0. Values of at most
/// `enough` in size end it sooner.
template <class F>
double root_of_falling(const F& f, double low, double high, double enough = 0) {
  double at_low = f(low);
  double at_high = f(high);
  if (!(at_low > 0)) return low;
  if (!(at_high < 0)) return high;
  double width = high - low;
  int last = 0;
  for (int step = 0; step < 8000; ++step) {
    double x = low + (high - low) * (at_low / (at_low - at_high));
    if (step % 4 == 3) {
      if (high - low > 0.5 * width) x = low + 0.5 * (high - low);
      width = high - low;
    }
    if (!(x > low) || !(x < high)) x = low + 0.5 * (high - low);
    if (!(x > low) || !(x < high)) break;
    const double value = f(x);
    if (std::fabs(value) <= enough) return x;
    if (value > 0) {
      low = x;
      at_low = value;
      if (last == 1) at_high *= 0.5;
      last = 1;
    } else {
      high = x;
      at_high = value;
      if (last == -1) at_low *= 0.5;
      last = -1;
    }
  }
  return std::fabs(at_low) <= std::fabs(at_high) ? low : high;
}

/// As above, of f that falls on the whole line and crosses zero, which it does between -2^63 and 2^63 or not at all;
/// then the result is the end it comes nearest to. For functions of a logarithm.
template <class F>
double root_of_falling_on_line(const F& f, double enough) {
  double low = 0;
  double high = 0;
  // Steps double, so each loop ends after 63.
  if (f(0) < 0) {
    for (double step = 1; step < 0x1p63; step *= 2) {
      high = low;
      low -= step;
      if (!(f(low) < 0)) break;
    }
  } else {
    for (double step = 1; step < 0x1p63; step *= 2) {
      low = high;
      high += step;
      if (!(f(high) > 0)) break;
    }
  }
  return root_of_falling(f, low, high, enough);
}

}  // namespace sigmax::norms
