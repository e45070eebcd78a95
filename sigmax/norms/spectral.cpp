#include "sigmax/norms/spectral.hpp"

#include <fmt/format.h>

#include <cmath>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::norms {

double schatten(std::span<const double> sigma, double p) {
  const FloatingEnvironment environment;
  if (!(p >= 1)) throw Error(fmt::format("[schatten] p must be at least 1, got {}", p));
  if (sigma.empty() || sigma[0] == 0) return 0;
  if (std::isinf(p) || std::isinf(sigma[0])) return sigma[0];
  // Relative to sigma_1, so that no power overflows; smallest first, so that small ones count.
  double sum = 0;
  for (std::size_t i = sigma.size(); i-- > 0;) sum += std::pow(sigma[i] / sigma[0], p);
  return sigma[0] * std::pow(sum, 1 / p);
}

double nuclear(std::span<const double> sigma) {
  const FloatingEnvironment environment;
  double sum = 0;
  for (std::size_t i = sigma.size(); i-- > 0;) sum += sigma[i];
  return sum;
}

double ky_fan(std::span<const double> sigma, std::int64_t k) {
  const FloatingEnvironment environment;
  if (k < 1 || k > static_cast<std::int64_t>(sigma.size())) {
    throw Error(
        fmt::format("[ky_fan] k must be between 1 and the number of singular values, {}, got {}", sigma.size(), k));
  }
  return nuclear(sigma.first(static_cast<std::size_t>(k)));
}

double effective_rank(std::span<const double> sigma) {
  const FloatingEnvironment environment;
  if (sigma.empty() || sigma[0] == 0) return 0;
  double sum = 0;  // relative to sigma_1, so that it does not overflow
  for (std::size_t i = sigma.size(); i-- > 0;) sum += sigma[i] / sigma[0];
  double entropy = 0;
  for (std::size_t i = sigma.size(); i-- > 0;) {
    const double p = sigma[i] / sigma[0] / sum;
    if (p > 0) entropy -= p * std::log(p);
  }
  return std::exp(entropy);
}

std::int64_t numerical_rank(std::span<const double> sigma, double tolerance) {
  const FloatingEnvironment environment;
  std::int64_t rank = 0;
  while (rank < static_cast<std::int64_t>(sigma.size()) && sigma[static_cast<std::size_t>(rank)] > tolerance) ++rank;
  return rank;
}

std::int64_t energy_rank(std::span<const double> sigma, double share) {
  const FloatingEnvironment environment;
  if (sigma.empty() || sigma[0] == 0) return 0;
  double total = 0;
  for (std::size_t i = sigma.size(); i-- > 0;) total += (sigma[i] / sigma[0]) * (sigma[i] / sigma[0]);
  double sum = 0;
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    sum += (sigma[i] / sigma[0]) * (sigma[i] / sigma[0]);
    if (sum >= share * total) return static_cast<std::int64_t>(i) + 1;
  }
  return static_cast<std::int64_t>(sigma.size());
}

}  // namespace sigmax::norms
