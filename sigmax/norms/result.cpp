#include "sigmax/norms/result.hpp"

#include <algorithm>

#include "sigmax/core/infinity.hpp"

namespace sigmax::norms {

std::string_view message(Known kind) {
  switch (kind) {
    case Known::proven: return "proven";
    case Known::probabilistic: return "probabilistic";
    case Known::lower_only: return "lower_only";
    case Known::computed: return "computed";
  }
  return "";
}

Known NormResult::kind() const noexcept {
  if (!enclosure) return Known::computed;
  if (!enclosure->upper) return Known::lower_only;
  return enclosure->is_proven() ? Known::proven : Known::probabilistic;
}

void NormResult::enclose(const Enclosure& found) {
  value = nearest_in(found, value);
  enclosure = found;
}

double nearest_in(const Enclosure& enclosure, double value) {
  return std::clamp(value, enclosure.lower.value(), enclosure.upper ? enclosure.upper->value() : kInfinity);
}

}  // namespace sigmax::norms
