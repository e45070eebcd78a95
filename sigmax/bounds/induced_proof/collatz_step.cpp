#include "sigmax/bounds/induced_proof/collatz_step.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/powers.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
namespace {

// x > 0 with its largest entry in [1/2, 1), so far from 0 that x^(q-1) >= 2^-900.
std::vector<double> positive(std::span<const double> x, double q) {
  double largest = 0;
  for (const double value : x) largest = std::isfinite(value) ? std::max(largest, std::fabs(value)) : largest;
  std::vector<double> result(x.size(), 0.5);
  if (largest == 0) return result;
  const int exponent = std::ilogb(largest) + 1;
  const double floor = std::exp2(-std::floor(std::min(60.0, 900 / std::max(q - 1, 1.0))));
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double value = std::isfinite(x[j]) ? std::ldexp(std::fabs(x[j]), -exponent) : 0.0;
    result[j] = std::max(value, floor);
  }
  return result;
}

// At most p / (p - q).
double exponent_of(double p, double q) {
  if (p == q) return kInfinity;
  if (p == kInfinity) return 1;
  return std::max(1.0, p / (p - q) * (1 - 0x1p-50));
}

// Not part of a proof.
std::vector<double> boyd(const std::vector<double>& gradient, double p) {
  std::vector<double> next(gradient.size(), 1.0);
  const double largest = *std::max_element(gradient.begin(), gradient.end());
  if (p == kInfinity || !(largest > 0) || !std::isfinite(largest)) return next;
  for (std::size_t j = 0; j < next.size(); ++j) next[j] = std::pow(gradient[j] / largest, 1 / (p - 1));
  return next;
}

double approximate_norm(const std::vector<double>& x, double p) {
  const double largest = *std::max_element(x.begin(), x.end());
  if (p == kInfinity || !(largest > 0)) return largest;
  double sum = 0;
  for (const double value : x) sum += std::pow(value / largest, p);
  return largest * std::pow(sum, 1 / p);
}

}  // namespace

// Hoelder's inequality with weights b_ij x_j: for y >= 0
//   (B y)_i = sum_j (b_ij x_j)^{1-1/q} (b_ij y_j^q x_j^{1-q})^{1/q} <= (B x)_i^{1-1/q} (sum_j b_ij y_j^q
//   x_j^{1-q})^{1/q},
// so that |B y|_q^q <= sum_j c_j y_j^q <= |c|_r |y|_p^q. B x is divided by a power of two that is at least its largest
// entry, so that no power overflows at any q. A norm in a smaller exponent than r is larger.
CollatzStep collatz_step(const NearMatrix& m, double p, double q, std::span<const double> start, Context& context) {
  const FloatingEnvironment environment;
  CollatzStep step;
  const std::vector<double> x = positive(start, q);
  if (m.is_zero) return {0, 0, x};
  std::vector<double> image = magnitude_image(m, x, false, context);
  step.quotient = approximate_norm(image, q) / approximate_norm(x, p);
  const double unit = std::exp2(std::ilogb(*std::max_element(image.begin(), image.end())) + 1);
  for (double& value : image) value = power_range(value / unit, q - 1).upper;
  std::vector<double> c = magnitude_image(m, image, true, context);
  step.next = boyd(c, p);
  step.upper = kInfinity;
  for (std::size_t j = 0; j < c.size(); ++j) {
    const double divisor = power_range(x[j], q - 1).lower;
    if (!(divisor > 0)) return step;
    c[j] = round_up(c[j] / unit / divisor);
    if (!std::isfinite(c[j])) return step;
  }
  step.upper = round_up(unit * root_up(p_norm_range(c, exponent_of(p, q)).upper, q));
  return step;
}

}  // namespace sigmax::bounds
