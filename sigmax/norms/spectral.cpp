#include "sigmax/norms/spectral.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::norms {

double schatten(std::span<const double> sigma, double p) {
  const FloatingEnvironment environment;
  if (!(p >= 1)) throw Error(fmt::format("[schatten] p must be at least 1, got {}", p));
  if (sigma.empty() || sigma[0] == 0) return 0;
  if (std::isinf(p) || std::isinf(sigma[0])) return sigma[0];
  // Relative to sigma_1, so that no power overflows; smallest first, so that small terms are not lost.
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

namespace {

double relative(double gap, double largest) { return largest > 0 ? gap / largest : 0.0; }

// Each rule holds the value, derivative and enclosure of one norm.

// (sigma_1^p + ... + sigma_k^p)^(1/p). The derivative is (sigma_i / |A|)^(p - 1), and 0 for values that are 0. It is
// unique where sigma_k > sigma_{k+1}; for p > 1 zeros among the first k do no harm, since the terms are flat there.
struct KyFanRule {
  std::int64_t k;
  double p = 1;

  Demand demand(std::int64_t) const { return {Demand::Part::largest, k}; }

  double value(std::span<const double> sigma) const {
    const auto leading = sigma.first(std::min(sigma.size(), static_cast<std::size_t>(k)));
    return p == 1 ? nuclear(leading) : schatten(leading, p);
  }

  Enclosure enclosure(std::span<const Enclosure> sigma) const { return bounds::p_norm(sigma, p); }

  SpectralGradient gradient(const NearSpectrum& s) const {
    const auto count = static_cast<std::size_t>(k);
    SpectralGradient result;
    result.norm.value = value(s.sigma);
    const double relative_norm = s.largest > 0 ? result.norm.value / s.largest : 1;
    for (std::size_t i = 0; i < std::min(count, s.sigma.size()); ++i) {
      const bool counts = s.sigma[i] > s.rounding;
      result.weights.push_back(counts ? std::pow(s.sigma[i] / s.largest / relative_norm, p - 1) : 0.0);
    }
    const double kth = count <= s.sigma.size() ? s.sigma[count - 1] : 0.0;
    const double gap = kth - s.neighbor.value_or(0);
    result.norm.gap = relative(gap, s.largest);
    if (s.largest == 0 || (p == 1 && !(kth > s.rounding))) {
      not_unique(result.norm, GradientKind::subgradient, fmt::format("sigma_{} = 0", p == 1 ? k : 1));
    } else if (kth > s.rounding && k < s.all && !(gap > s.rounding)) {
      not_unique(result.norm, GradientKind::subgradient, fmt::format("sigma_{} = sigma_{}", k, k + 1));
    }
    return result;
  }
};

// (sum sigma_i^p)^(1/p). The derivative is (sigma_i / |sigma|_p)^(p - 1), and 0 for values that are 0.
struct SchattenRule {
  double p;

  Demand demand(std::int64_t values) const { return {Demand::Part::all, values}; }

  double value(std::span<const double> sigma) const { return schatten(sigma, p); }

  Enclosure enclosure(std::span<const Enclosure> sigma) const { return bounds::p_norm(sigma, p); }

  SpectralGradient gradient(const NearSpectrum& s) const {
    SpectralGradient result;
    result.norm.value = value(s.sigma);
    const double relative_norm = s.largest > 0 ? result.norm.value / s.largest : 1;
    result.weights.reserve(s.sigma.size());
    for (const double sigma : s.sigma) {
      result.weights.push_back(sigma > s.rounding ? std::pow(sigma / s.largest / relative_norm, p - 1) : 0.0);
    }
    const double last = static_cast<std::int64_t>(s.sigma.size()) < s.all ? 0.0 : s.sigma.back();
    if (p == 1) result.norm.gap = relative(last, s.largest);
    if (s.largest == 0) {
      not_unique(result.norm, GradientKind::subgradient, "the operator is 0");
    } else if (p == 1 && !(last > s.rounding)) {
      not_unique(result.norm, GradientKind::subgradient,
                 fmt::format("rank {} of {}", numerical_rank(s.sigma, s.rounding), s.all));
    }
    return result;
  }
};

// sigma_n, n = min(rows, columns). Not convex.
struct SmallestRule {
  Demand demand(std::int64_t) const { return {Demand::Part::smallest, 1}; }

  double value(std::span<const double> sigma) const { return sigma.empty() ? 0.0 : sigma.back(); }

  Enclosure enclosure(std::span<const Enclosure> sigma) const { return bounds::smallest(sigma); }

  SpectralGradient gradient(const NearSpectrum& s) const {
    SpectralGradient result{{}, std::vector<double>(s.sigma.size(), 0.0)};
    const double smallest = value(s.sigma);
    const double above = s.neighbor.value_or(std::numeric_limits<double>::infinity()) - smallest;
    const bool positive = smallest > s.rounding;
    result.norm.value = smallest;
    result.norm.gap = relative(std::min(above, smallest), s.largest);
    if (!positive) {
      not_unique(result.norm, GradientKind::generalized, fmt::format("sigma_{} = 0", s.all));
    } else if (!(above > s.rounding)) {
      not_unique(result.norm, GradientKind::generalized, fmt::format("sigma_{} = sigma_{}", s.all - 1, s.all));
    }
    if (positive) result.weights.back() = 1;
    return result;
  }
};

using SpectralRule = std::variant<KyFanRule, SchattenRule, SmallestRule>;

// For infinite p the first value decides.
SpectralRule schatten_rule(double p) {
  if (std::isinf(p)) return KyFanRule{1};
  return SchattenRule{p};
}

struct SpectralRuleOf {
  SpectralRule operator()(Spectral) const { return KyFanRule{1}; }
  SpectralRule operator()(KyFan n) const { return std::isinf(n.p) ? KyFanRule{1} : KyFanRule{n.k, n.p}; }
  SpectralRule operator()(Nuclear) const { return SchattenRule{1}; }
  SpectralRule operator()(Schatten n) const { return schatten_rule(n.p); }
  SpectralRule operator()(Frobenius) const { return SchattenRule{2}; }
  SpectralRule operator()(SmallestSingular) const { return SmallestRule{}; }

  // Each norm is named here, so that a new norm does not compile until it has a rule.
  SpectralRule operator()(MaxAbs) const { return of_entries(); }
  SpectralRule operator()(Entrywise) const { return of_entries(); }
  SpectralRule operator()(ColumnSum) const { return of_entries(); }
  SpectralRule operator()(RowSum) const { return of_entries(); }
  SpectralRule operator()(Mixed) const { return of_entries(); }
  SpectralRule operator()(Induced) const { return of_entries(); }
  SpectralRule operator()(NumericalRadius) const { return of_entries(); }

  [[noreturn]] static SpectralRule of_entries() { throw Error("[norm] not a function of singular values"); }
};

SpectralRule rule_of(const Norm& which) { return std::visit(SpectralRuleOf{}, which); }

// Inverse Lanczos may miss the second copy of the smallest value; up to this order the full decomposition is cheap.
constexpr std::int64_t kSmallest = 128;

}  // namespace

Demand demand(const Norm& which, std::int64_t values) {
  require_valid("norm", which, values);
  return std::visit([&](const auto& rule) { return rule.demand(values); }, rule_of(which));
}

template <Real T>
SvdOptions<T> solver_for(const Demand& wanted, std::int64_t values, SvdOptions<T> base) {
  base.k = wanted.count;
  if (wanted.part == Demand::Part::all) base.method = DenseLapack{};
  if (wanted.part == Demand::Part::smallest) {
    base.which = Which::smallest;
    base.k = std::min(wanted.count + 1, values);
    if (values <= kSmallest) base.method = DenseLapack{};
  }
  return base;
}

double spectral_value(std::span<const double> sigma, const Norm& which) {
  const FloatingEnvironment environment;
  return std::visit([&](const auto& rule) { return rule.value(sigma); }, rule_of(which));
}

Enclosure spectral_enclosure(std::span<const Enclosure> sigma, const Norm& which) {
  const FloatingEnvironment environment;
  return std::visit([&](const auto& rule) { return rule.enclosure(sigma); }, rule_of(which));
}

SpectralGradient spectral_gradient(const NearSpectrum& spectrum, const Norm& which) {
  const FloatingEnvironment environment;
  return std::visit([&](const auto& rule) { return rule.gradient(spectrum); }, rule_of(which));
}

std::optional<double> gap_of(std::span<const double> sigma, const Norm& which) {
  const FloatingEnvironment environment;
  if (sigma.empty()) return std::nullopt;
  NearSpectrum spectrum{sigma, sigma.front(), {}, static_cast<std::int64_t>(sigma.size()), 0};
  const Demand wanted = demand(which, spectrum.all);
  if (wanted.part == Demand::Part::largest && wanted.count < spectrum.all) {
    spectrum.neighbor = sigma[static_cast<std::size_t>(wanted.count)];
  }
  if (wanted.part == Demand::Part::smallest && spectrum.all > 1) spectrum.neighbor = sigma[sigma.size() - 2];
  return spectral_gradient(spectrum, which).norm.gap;
}

template SvdOptions<float> solver_for<float>(const Demand&, std::int64_t, SvdOptions<float>);
template SvdOptions<double> solver_for<double>(const Demand&, std::int64_t, SvdOptions<double>);

}  // namespace sigmax::norms
