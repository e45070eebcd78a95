#include "sigmax/norms/maps/proximal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/dual.hpp"
#include "sigmax/norms/exponent.hpp"
#include "sigmax/norms/maps/ky_fan_map.hpp"
#include "sigmax/norms/maps/log_balance.hpp"
#include "sigmax/norms/maps/root.hpp"
#include "sigmax/norms/maps/water_level.hpp"
#include "sigmax/norms/vector.hpp"

namespace sigmax::norms {
namespace {

void require_amount(const char* who, double amount) {
  if (amount >= 0 && !std::isinf(amount)) return;
  throw Error(fmt::format("[{}] lambda or radius must be finite and not negative, got {}", who, amount));
}

std::vector<double> copy_of(std::span<const double> x) { return {x.begin(), x.end()}; }

std::vector<double> descending_magnitudes(std::span<const double> x) {
  std::vector<double> sorted;
  sorted.reserve(x.size());
  for (const double value : x) sorted.push_back(std::fabs(value));
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  return sorted;
}

// |y_i| = |x_i| - clip(|x_i| - level, 0, cap)
std::vector<double> lowered(std::span<const double> x, double level, double cap) {
  std::vector<double> y;
  y.reserve(x.size());
  for (const double value : x) {
    const double magnitude = std::fabs(value);
    // Without a cap the level itself, without a rounding error.
    const double less =
        std::isinf(cap) ? std::min(magnitude, level) : magnitude - std::clamp(magnitude - level, 0.0, cap);
    y.push_back(std::copysign(less, value));
  }
  return y;
}

std::vector<double> scaled(std::span<const double> x, double factor) {
  std::vector<double> y = copy_of(x);
  for (double& value : y) value *= factor;
  return y;
}

constexpr double kEnough = 4 * std::numeric_limits<double>::epsilon();

// For 1 < p < infinity, p != 2, onto the unit ball; x lies outside. The root is in log mu.
std::vector<double> onto_unit_ball(std::span<const double> x, double p) {
  std::vector<double> logs;
  logs.reserve(x.size());
  for (const double value : x) logs.push_back(std::log(std::fabs(value)));
  const auto image = [&](double log_mu) {
    std::vector<double> y;
    y.reserve(logs.size());
    for (const double log_x : logs) y.push_back(log_balanced(log_x, log_mu, p - 1));
    return y;
  };
  const double log_mu = root_of_falling_on_line([&](double at) { return log_p_norm(image(at), p); }, kEnough);
  std::vector<double> y = image(log_mu);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = std::copysign(std::min(std::exp(y[i]), std::fabs(x[i])), x[i]);
  const double length = vector_norm(y, p);
  return length > 1 ? scaled(y, 1 / length) : y;
}

}  // namespace

std::vector<double> project_p(std::span<const double> x, double p, double radius) {
  const FloatingEnvironment environment;
  require_power("project_p", p);
  require_amount("project_p", radius);
  if (vector_norm(x, p) <= radius) return copy_of(x);
  if (radius == 0) return std::vector<double>(x.size(), 0.0);
  if (std::isinf(p)) return lowered(x, radius, kInfinity);
  if (p == 1) {
    const std::optional<double> theta = water_level(descending_magnitudes(x), kInfinity, radius);
    return theta ? lowered(x, 0, *theta) : copy_of(x);
  }
  if (p == 2) {
    // In two steps: the factor may be below the range.
    const double length = vector_norm(x, 2);
    std::vector<double> y = copy_of(x);
    for (double& value : y) value = value / length * radius;
    return y;
  }
  // The largest entry into [1, 2), then in units of the radius.
  const int exponent = std::ilogb(vector_norm(x, kInfinity));
  std::vector<double> moved = copy_of(x);
  for (double& value : moved) value = std::ldexp(value, -exponent);
  const double unit = std::max(std::ldexp(radius, -exponent), 0x1p-500);
  return scaled(onto_unit_ball(scaled(moved, 1 / unit), p), radius);
}

std::vector<double> proximal_p(std::span<const double> x, double p, double lambda) {
  const FloatingEnvironment environment;
  require_power("proximal_p", p);
  require_amount("proximal_p", lambda);
  if (lambda == 0) return copy_of(x);
  if (p == 1) return lowered(x, 0, lambda);
  if (p == 2) {
    const double length = vector_norm(x, 2);
    return length <= lambda ? std::vector<double>(x.size(), 0.0) : scaled(x, 1 - lambda / length);
  }
  if (std::isinf(p)) {
    const std::optional<double> theta = water_level(descending_magnitudes(x), kInfinity, lambda);
    return theta ? lowered(x, *theta, kInfinity) : std::vector<double>(x.size(), 0.0);
  }
  const std::vector<double> dual = project_p(x, conjugate(p), lambda);
  std::vector<double> y = copy_of(x);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] -= dual[i];
  return y;
}

namespace {

void require_k(const char* who, std::size_t values, std::int64_t k) {
  require_valid(who, KyFan{k}, static_cast<std::int64_t>(values));
}

double sum_of_largest(std::span<const double> x, std::int64_t k) {
  const std::vector<double> sorted = descending_magnitudes(x);
  return vector_norm(std::span(sorted).first(static_cast<std::size_t>(k)), 1);
}

}  // namespace

std::vector<double> proximal_ky_fan(std::span<const double> x, std::int64_t k, double lambda) {
  const FloatingEnvironment environment;
  require_k("proximal_ky_fan", x.size(), k);
  require_amount("proximal_ky_fan", lambda);
  const std::optional<double> theta = water_level(descending_magnitudes(x), lambda, static_cast<double>(k) * lambda);
  return lowered(x, theta.value_or(0), lambda);
}

std::vector<double> project_ky_fan(std::span<const double> x, std::int64_t k, double radius) {
  const FloatingEnvironment environment;
  require_k("project_ky_fan", x.size(), k);
  require_amount("project_ky_fan", radius);
  if (sum_of_largest(x, k) <= radius) return copy_of(x);
  if (radius == 0) return std::vector<double>(x.size(), 0.0);
  const auto excess = [&](double lambda) { return sum_of_largest(proximal_ky_fan(x, k, lambda), k) - radius; };
  // At the dual norm of x nothing is left.
  const double most = std::max(vector_norm(x, kInfinity), vector_norm(x, 1) / static_cast<double>(k)) * (1 + 1e-12);
  return proximal_ky_fan(x, k, root_of_falling(excess, 0, most));
}

namespace {

void require_ky_fan(const char* who, std::span<const double> x, KyFan n, double amount) {
  require_valid(who, n, static_cast<std::int64_t>(x.size()));
  require_amount(who, amount);
}

// The largest magnitude into [1, 2).
std::vector<double> times_power(std::span<const double> x, int exponent) {
  std::vector<double> y = copy_of(x);
  for (double& value : y) value = std::ldexp(value, exponent);
  return y;
}

double ky_fan_norm(std::span<const double> x, KyFan n) {
  const std::vector<double> sorted = descending_magnitudes(x);
  return vector_norm(std::span(sorted).first(static_cast<std::size_t>(n.k)), n.p);
}

}  // namespace

// With t = |y| the minimizer of 1/2 |y - x|^2 + mu/p (sum of the k largest)^p is the proximal map for lambda = mu
// t^(p-1), which rises with mu.
std::vector<double> proximal_ky_fan(std::span<const double> x, KyFan n, double lambda) {
  const FloatingEnvironment environment;
  require_ky_fan("proximal_ky_fan", x, n, lambda);
  if (n.p == 1) return proximal_ky_fan(x, n.k, lambda);
  if (std::isinf(n.p)) return proximal_p(x, n.p, lambda);
  if (ky_fan_dual(descending_magnitudes(x), n) <= lambda) return std::vector<double>(x.size(), 0.0);
  const int exponent = std::ilogb(vector_norm(x, kInfinity));
  const double unit = std::ldexp(lambda, -exponent);
  if (unit == 0) return copy_of(x);
  const std::vector<double> moved = times_power(x, -exponent);
  const KyFanPath path(moved, n);
  const double wanted = std::log(unit);
  const auto excess = [&](double log_mu) { return wanted - log_mu - (n.p - 1) * path.log_norm(log_mu); };
  return times_power(path.at(root_of_falling_on_line(excess, kEnough)), exponent);
}

std::vector<double> project_ky_fan(std::span<const double> x, KyFan n, double radius) {
  const FloatingEnvironment environment;
  require_ky_fan("project_ky_fan", x, n, radius);
  if (n.p == 1) return project_ky_fan(x, n.k, radius);
  if (std::isinf(n.p)) return project_p(x, n.p, radius);
  if (ky_fan_norm(x, n) <= radius) return copy_of(x);
  if (radius == 0) return std::vector<double>(x.size(), 0.0);
  const int exponent = std::ilogb(vector_norm(x, kInfinity));
  const std::vector<double> moved = times_power(x, -exponent);
  const KyFanPath path(moved, n);
  const double wanted = std::log(std::max(std::ldexp(radius, -exponent), 0x1p-1000));
  const auto excess = [&](double log_mu) { return path.log_norm(log_mu) - wanted; };
  std::vector<double> y = times_power(path.at(root_of_falling_on_line(excess, kEnough)), exponent);
  // Rounding of the roots may leave y a little outside.
  const double length = ky_fan_norm(y, n);
  if (length > radius) {
    for (double& value : y) value = value / length * radius;
  }
  return y;
}

}  // namespace sigmax::norms
