#include "sigmax/bounds/promised.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
Enclosure monotone(std::span<const Enclosure> x, const MonotoneFunction& f, double relative_error) {
  const FloatingEnvironment environment;
  if (x.empty()) throw Error("[monotone] there is nothing to combine");
  if (!(relative_error >= 0) || !(relative_error < 1)) {
    throw Error(fmt::format("[monotone] the relative error must be at least 0 and below 1, got {}", relative_error));
  }
  std::vector<double> lower;
  std::vector<double> upper;
  double lower_failure = 0;
  double upper_failure = 0;
  bool has_upper = true;
  for (const Enclosure& e : x) {
    lower.push_back(e.lower.value());
    lower_failure += e.lower.failure_probability();
    has_upper = has_upper && e.upper;
    upper.push_back(e.upper ? e.upper->value() : kInfinity);
    upper_failure += e.upper ? e.upper->failure_probability() : 0;
  }
  const double least = f(lower);
  const double most = has_upper ? f(upper) : kInfinity;
  if (!(least >= 0) || !(most * (1 + 4 * relative_error) >= least * (1 - 4 * relative_error))) {
    throw Error(
        fmt::format("[monotone] the function is {} at the lower ends and {} at the upper ones: it must not be "
                    "negative and must grow with each argument",
                    least, most));
  }
  std::optional<UpperBound> end;
  if (has_upper) {
    const double value = most == 0 ? 0.0 : round_up(most * round_up(1 + relative_error));
    if (upper_failure == 0) {
      end = Proof::proven(value);
    } else if (upper_failure < 1) {
      end = Proof::probabilistic(value, upper_failure);
    }
  }
  const double from =
      smaller_of(round_down(smaller_of(least, kLargest) * (1 - relative_error)), end ? end->value() : kLargest);
  if (lower_failure == 0) return Proof::enclosure(Proof::lower(from), end);
  return Proof::enclosure(lower_failure < 1 ? Proof::probabilistic_lower(from, lower_failure) : Proof::lower(0), end);
}

}  // namespace sigmax::bounds
