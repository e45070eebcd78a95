#include "sigmax/svd/christoffel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax {
namespace {

bool is_one(const LanczosRecurrence& recurrence) {
  const auto usable = [](double value) { return std::isfinite(value) && value >= 0; };
  return recurrence.drawn && !recurrence.alpha.empty() && recurrence.alpha.size() == recurrence.beta.size() &&
         std::isfinite(recurrence.start_norm) && recurrence.start_norm > 0 &&
         std::all_of(recurrence.alpha.begin(), recurrence.alpha.end(), [](double a) { return std::isfinite(a); }) &&
         std::all_of(recurrence.beta.begin(), recurrence.beta.end(), usable);
}

// The possible excess of P(|g^T v| < c) over c sqrt(2 / pi) for a start g as it is computed: normals made of 53 bits,
// rounded to the type of the recurrence and scaled. Derivation: docs/proofs.md, "What a start really is".
double excess_of_start(std::int64_t terms, double unit_roundoff) {
  return 1.1e-7 * std::sqrt(std::sqrt(static_cast<double>(terms))) + 146 * unit_roundoff + 5e-11;
}

}  // namespace

void check_failure_probability(std::string_view where, double value) {
  if (value >= kLeastFailureProbability && value < 1) return;
  throw Error(fmt::format("[{}] the failure probability must be at least {} and below 1, got {}", where,
                          kLeastFailureProbability, value));
}

// All p_j(x) are positive if and only if x lies beyond all their zeros, and the largest zero is the largest Ritz value.
// So the search needs no Ritz value, only a point that is not beyond it, such as the largest alpha.
double christoffel_upper_bound(const LanczosRecurrence& recurrence, double failure_probability, std::int64_t terms,
                               double magnitude) {
  const FloatingEnvironment environment;
  const double ideal = failure_probability - excess_of_start(terms, recurrence.unit_roundoff);
  if (!is_one(recurrence) || !(ideal > 0) || !(magnitude >= 0)) return kInfinity;
  const std::size_t steps = recurrence.alpha.size();
  const double c = ideal * std::sqrt(std::numbers::pi / 2);
  const double target = std::pow(recurrence.start_norm / c, 2);
  const double slack = static_cast<double>(terms + static_cast<std::int64_t>(steps)) * 8 * recurrence.unit_roundoff;
  const auto reaches_target = [&](double x) {
    const double floor =
        slack * std::fmax(x, magnitude);  // of each beta: a smaller beta is rounding, and a larger one is safe
    double before = 0;
    double here = 1;
    double sum = 1;
    for (std::size_t j = 0; j < steps && sum < target; ++j) {
      const double beta_before = j > 0 ? recurrence.beta[j - 1] : 0.0;
      const double after =
          ((x - recurrence.alpha[j]) * here - beta_before * before) / std::fmax(recurrence.beta[j], floor);
      if (!(after > 0)) return false;
      before = std::exchange(here, after);
      sum += here * here;
    }
    return sum >= target;
  };
  double low = *std::max_element(recurrence.alpha.begin(), recurrence.alpha.end());
  // A recurrence this small means that products underflowed: svd() scales the operator to about 1.
  if (!(low > (recurrence.unit_roundoff > 0x1p-40 ? 0x1p-100 : 0x1p-900))) return kInfinity;
  double high = 2 * low;
  // Ends at the limit of double's range, after 2098 doublings at most; then 47 halvings reach 1e-14.
  while (!reaches_target(high)) {
    low = high;
    high *= 2;
    if (!std::isfinite(high)) return high;
  }
  while (high - low > 1e-14 * high && low < 0.5 * (low + high) && 0.5 * (low + high) < high) {
    const double middle = 0.5 * (low + high);
    (reaches_target(middle) ? high : low) = middle;
  }
  return high + slack * std::fmax(high, magnitude);
}

double christoffel_upper_bound(std::span<const LanczosRecurrence> recurrences, double failure_probability,
                               std::int64_t terms, double magnitude) {
  if (recurrences.empty()) return kInfinity;
  const double each = std::pow(failure_probability, 1 / static_cast<double>(recurrences.size())) * (1 - 1e-12);
  double largest = 0;
  for (const LanczosRecurrence& recurrence : recurrences) {
    const double bound = christoffel_upper_bound(recurrence, each, terms, magnitude);
    if (!(bound <= largest)) largest = bound;  // a NaN remains
  }
  return largest;
}

}  // namespace sigmax
