// Multipliers layer by layer. Internal to lipschitz/.
#pragma once

#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/lipschitz/lmi/lmi.hpp"
#include "sigmax/lipschitz/lmi/search_network.hpp"

namespace sigmax::lipschitz {

struct FoundMultipliers {
  Multipliers values;
  double rho = 0;  ///< about the one that these multipliers give, for the network that was searched
};

/// Searches 1 (LmiSearch::closed_form) and 2 (layer_by_layer). `gap`: see newton_multipliers(). Nothing if rounding
/// leaves no layer's matrix positive definite. Callers hold a SerialBlas.
std::optional<FoundMultipliers> search_layers(const LayeredNetwork& network, LmiSearch search, double gap,
                                              Context& context);

}  // namespace sigmax::lipschitz
