// The root of a monotone function of one number. Internal to norms/.
#pragma once

#include <algorithm>
#include <cmath>

namespace sigmax::norms {

/// x in [low, high] with f(x) = 0 to rounding, for f that falls and f(low) >= 0 >= f(high): Illinois steps, and a
/// bisection where three of them have not halved the interval, so at most four steps for each of the about 1100
/// halvings that part two doubles of one sign, and 2000 in the worst case of an interval around 0.
template <class F>
double root_of_falling(const F& f, double low, double high) {
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
    if (value == 0) return x;
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

}  // namespace sigmax::norms
