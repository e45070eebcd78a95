#include "sigmax/bounds/matrix_proof/proof.hpp"

#include <fmt/format.h>

#include <cmath>

#include "sigmax/core/contradiction.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::bounds {

void throw_contradiction(std::string_view what) { sigmax::throw_contradiction("bounds", what); }

namespace {

void check_probability(double value) {
  if (!(value > 0 && value < 1)) throw_contradiction(fmt::format("a probabilistic end that fails with {}", value));
}

}  // namespace

LowerBound Proof::lower(double value) {
  if (!(value >= 0 && std::isfinite(value))) throw_contradiction(fmt::format("a lower end of {}", value));
  return {value, Certainty::proven, 0.0};
}

LowerBound Proof::probabilistic_lower(double value, double failure_probability) {
  check_probability(failure_probability);
  if (!(value >= 0 && std::isfinite(value))) throw_contradiction(fmt::format("a probabilistic lower end of {}", value));
  return {value, Certainty::probabilistic, failure_probability};
}

UpperBound Proof::proven(double value) {
  if (!(value >= 0)) throw_contradiction(fmt::format("a proven upper end of {}", value));
  return {value, Certainty::proven, 0.0};
}

UpperBound Proof::probabilistic(double value, double failure_probability) {
  check_probability(failure_probability);
  if (!(value >= 0)) throw_contradiction(fmt::format("a probabilistic upper end of {}", value));
  return {value, Certainty::probabilistic, failure_probability};
}

Enclosure Proof::enclosure(LowerBound lower, std::optional<UpperBound> upper) {
  if (!upper || std::isinf(upper->value())) return {lower, std::nullopt};
  if (upper->value() >= lower.value()) return {lower, upper};
  // An end that fails only with some probability has failed.
  if (lower.certainty() == Certainty::probabilistic) lower = Proof::lower(0);
  if (upper->certainty() == Certainty::probabilistic) return {lower, std::nullopt};
  if (upper->value() >= lower.value()) return {lower, upper};
  throw_contradiction(
      fmt::format("a proven upper end, {:.17g}, below the lower end, {:.17g}", upper->value(), lower.value()));
}

}  // namespace sigmax::bounds
