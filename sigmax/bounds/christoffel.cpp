#include "sigmax/bounds/christoffel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "sigmax/bounds/measured.hpp"
#include "sigmax/bounds/proof.hpp"
#include "sigmax/bounds/rounding.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_one(const LanczosRecurrence& recurrence) {
  const auto usable = [](double value) { return std::isfinite(value) && value >= 0; };
  return !recurrence.alpha.empty() && recurrence.alpha.size() == recurrence.beta.size() &&
         std::isfinite(recurrence.start_norm) && recurrence.start_norm > 0 &&
         std::all_of(recurrence.alpha.begin(), recurrence.alpha.end(), [](double a) { return std::isfinite(a); }) &&
         std::all_of(recurrence.beta.begin(), recurrence.beta.end(), usable);
}

}  // namespace

// All p_j(x) are positive if and only if x lies beyond the zeros of each of them, the largest of which is the largest
// Ritz value: so the search needs no Ritz value, only a point that is not beyond it, such as the largest alpha.
double christoffel_upper_bound(const LanczosRecurrence& recurrence, double failure_probability, std::int64_t terms,
                               double magnitude) {
  if (!is_one(recurrence) || !(failure_probability > 0)) return kInfinity;
  const std::size_t steps = recurrence.alpha.size();
  const double c = failure_probability * std::sqrt(std::numbers::pi / 2);
  const double target = std::pow(recurrence.start_norm / c, 2);
  const double slack = static_cast<double>(terms + static_cast<std::int64_t>(steps)) * 8 * recurrence.unit_roundoff;
  const auto reaches_target = [&](double x) {
    const double floor =
        slack * larger_of(x, magnitude);  // of each beta: a smaller one is rounding, and a larger one is the safe side
    double before = 0;
    double here = 1;
    double sum = 1;
    for (std::size_t j = 0; j < steps && sum < target; ++j) {
      const double beta_before = j > 0 ? recurrence.beta[j - 1] : 0.0;
      const double after =
          ((x - recurrence.alpha[j]) * here - beta_before * before) / larger_of(recurrence.beta[j], floor);
      if (!(after > 0)) return false;
      before = std::exchange(here, after);
      sum += here * here;
    }
    return sum >= target;
  };
  double low = *std::max_element(recurrence.alpha.begin(), recurrence.alpha.end());
  // A recurrence this small is one of products that underflowed: svd() scales the operator to about 1.
  if (!(low > (recurrence.unit_roundoff > 0x1p-40 ? 0x1p-100 : 0x1p-900))) return kInfinity;
  double high = 2 * low;
  while (!reaches_target(high)) {
    low = high;
    high *= 2;
    if (!std::isfinite(high)) return high;
  }
  while (high - low > 1e-14 * high && low < 0.5 * (low + high) && 0.5 * (low + high) < high) {
    const double middle = 0.5 * (low + high);
    (reaches_target(middle) ? high : low) = middle;
  }
  return high + slack * larger_of(high, magnitude);
}

UpperBound probabilistic_upper_bound(std::span<const LanczosRecurrence> recurrences, double scale,
                                     double failure_probability, std::int64_t terms, double norm) {
  const double magnitude = (scale * norm) * (scale * norm);
  const double each = std::pow(failure_probability, 1 / static_cast<double>(recurrences.size())) * (1 - 1e-12);
  double square = recurrences.empty() ? kInfinity : 0;
  for (const LanczosRecurrence& recurrence : recurrences) {
    square = larger_of(square, christoffel_upper_bound(recurrence, each, terms, magnitude));
  }
  const double value = scale > 0 ? widened_upper(std::sqrt(square) / scale) : kInfinity;
  return Proof::probabilistic(std::isnan(value) ? kInfinity : value, failure_probability);
}

}  // namespace sigmax::bounds
