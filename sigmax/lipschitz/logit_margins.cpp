#include "sigmax/lipschitz/logit_margins.hpp"

#include <cmath>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/ranges/outward.hpp"

namespace sigmax::lipschitz {

bool is_known(const graph::Evaluated& found, std::size_t j) {
  return std::isfinite(found.values[j]) && std::isfinite(found.errors[j]);
}

bool is_at_least(const graph::Evaluated& found, std::size_t j, std::size_t k) {
  if (!is_known(found, j) || !is_known(found, k)) return false;
  if (found.errors[j] == 0 && found.errors[k] == 0) return found.values[j] >= found.values[k];
  return graph::down(found.values[j] - found.errors[j]) >= graph::up(found.values[k] + found.errors[k]);
}

std::vector<double> margins_of(const graph::Evaluated& found, std::size_t label) {
  std::vector<double> margins(found.values.size(), -kInfinity);
  for (std::size_t j = 0; j < margins.size(); ++j) {
    if (j == label) {
      margins[j] = kInfinity;
    } else if (is_known(found, j) && is_known(found, label)) {
      const double error = graph::up(found.errors[label] + found.errors[j]);
      margins[j] = graph::down(graph::down(found.values[label] - found.values[j]) - error);
    }
  }
  return margins;
}

}  // namespace sigmax::lipschitz
