#include "sigmax/svd/convergence.hpp"

#include <algorithm>
#include <vector>

#include "sigmax/core/infinity.hpp"

namespace sigmax {
namespace {

// error / allowed, where 0 / 0 is 0.
double ratio(double error, double allowed) {
  if (error <= allowed) return allowed > 0 ? error / allowed : 0;
  return allowed > 0 ? error / allowed : kInfinity;
}

}  // namespace

// r (r / gap), since r^2 may leave the range where the quotient does not.
double estimated_error(std::span<const double> values, double residual, std::size_t i) {
  double gap = kInfinity;
  if (i > 0) gap = values[i - 1] - values[i];
  if (i + 1 < values.size()) gap = std::min(gap, values[i] - values[i + 1]);
  if (gap == kInfinity) gap = values[i];
  return gap > residual ? residual * (residual / gap) : residual;
}

double estimated_error_of_set(std::span<const double> values, std::span<const double> residuals, std::size_t i) {
  double error = residual_to(residuals, i);
  double squares = 0;
  for (std::size_t j = 0; j + 1 < values.size(); ++j) {
    squares += residuals[j] * residuals[j];
    const double gap = values[i] - values[j + 1];
    if (j >= i && gap * gap > squares) error = std::min(error, squares / gap);
  }
  return error;
}

double residual_to(std::span<const double> residuals, std::size_t i) {
  return *std::max_element(residuals.begin(), residuals.begin() + static_cast<std::ptrdiff_t>(i) + 1);
}

double Convergence::excess(std::span<const double> theta, std::span<const double> residual, double rounding) const {
  const auto wanted = static_cast<std::size_t>(k);
  if (theta.size() < wanted) return kInfinity;
  const double largest = std::max(theta.front(), 0.0);
  double worst = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    const double own = std::max(theta[i], 0.0);
    const double error = accuracy == Accuracy::values ? estimated_error(theta, residual[i], i) : residual[i];
    const double of_tolerance = ratio(error, allowed(own, std::sqrt(own * largest)));
    worst = std::max(worst, std::min(of_tolerance, ratio(residual[i], rounding * largest)));
  }
  return worst;
}

double Convergence::excess_of_sets(std::span<const double> theta, std::span<const double> residual,
                                   double rounding) const {
  const auto wanted = static_cast<std::size_t>(k);
  if (theta.size() < wanted) return kInfinity;
  const double largest = std::max(theta.front(), 0.0);
  double worst = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    const double own = std::max(theta[i], 0.0);
    const double error =
        accuracy == Accuracy::values ? estimated_error_of_set(theta, residual, i) : residual_to(residual, i);
    worst = std::max(worst, ratio(error, std::max(allowed(own, std::sqrt(own * largest)), rounding * largest)));
  }
  return worst;
}

// Errors are estimated for theta, where the estimate is sharpest; the error of sigma is |d theta| / 2 sigma. For a
// sigma below r the only known bound is r itself.
double Convergence::excess_of_triplets(std::span<const double> sigma, std::span<const double> residual,
                                       double rounding) const {
  const auto wanted = static_cast<std::size_t>(k);
  if (sigma.size() < wanted) return kInfinity;
  std::vector<double> theta(sigma.begin(), sigma.end());
  for (double& value : theta) value *= value;
  double worst = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    const double r = residual[i];
    const double error = sigma[i] > r ? estimated_error(theta, sigma[i] * r, i) / (2 * sigma[i]) : r;
    const double of_tolerance =
        accuracy == Accuracy::values ? ratio(error, tolerance * sigma[i]) : ratio(r, tolerance * sigma.front());
    worst = std::max(worst, std::min(of_tolerance, ratio(r, rounding * sigma.front())));
  }
  return worst;
}

bool Convergence::is_borne_out(std::span<const double> sigma, std::span<const double> relative,
                               std::optional<double> next, double rounding) const {
  const auto wanted = static_cast<std::size_t>(k);
  if (sigma.size() < wanted) return false;
  std::vector<double> values(sigma.begin(), sigma.begin() + static_cast<std::ptrdiff_t>(wanted));
  std::vector<double> residual(relative.begin(), relative.begin() + static_cast<std::ptrdiff_t>(wanted));
  for (double& value : residual) value *= values.front();
  if (next && *next > 0) values.push_back(std::min(*next, values.back()));
  return excess_of_triplets(values, residual, rounding) <= kOfEstimates;
}

}  // namespace sigmax
