// An equation and a norm of the maps with powers, in logarithms, so that no exponent and no ratio leaves the range.
// Internal to norms/.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace sigmax::norms {

/// log y for the y in [0, x] with y + mu y^e = x, given log x and log mu, e > 0; -infinity for x = 0 and where y
/// underflows. log(exp(z) + exp(log mu + e z)) is convex in z and rises with slopes between 1 and e, so Newton's steps
/// from the right stay there. The start lies at most log 2 above in value. For e >= 1 the slope is at least 1 there and
/// convergence is quadratic from the first step. For e < 1 the root may be where exp(z) is tiny, which takes a step for
/// each factor of the basis of logarithms: 750 of them span the range of double.
inline double log_balanced(double log_x, double log_mu, double e) {
  double z = std::min(log_x, (log_x - log_mu) / e);
  for (int step = 0; step < 1000 && z > -745; ++step) {
    const double first = std::exp(z - log_x);
    const double second = std::exp(log_mu + e * z - log_x);
    const double sum = first + second;
    const double next = z - std::log(sum) * sum / (first + e * second);
    if (!(next < z)) break;
    z = next;
  }
  return z;
}

/// log of the p-norm of numbers given by their logarithms, p finite; -infinity for zeros alone.
inline double log_p_norm(std::span<const double> logs, double p) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const double z : logs) largest = std::max(largest, z);
  if (std::isinf(largest)) return largest;
  double sum = 0;
  for (const double z : logs) sum += std::exp(p * (z - largest));
  return largest + std::log(sum) / p;
}

}  // namespace sigmax::norms
