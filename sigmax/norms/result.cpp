#include "sigmax/norms/result.hpp"

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

}  // namespace sigmax::norms
