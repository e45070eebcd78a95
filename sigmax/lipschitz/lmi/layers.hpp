// Multipliers layer by layer. Internal to lipschitz/.
#pragma once

#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/lipschitz/lmi/lmi.hpp"
#include "sigmax/lipschitz/lmi/search_budget.hpp"
#include "sigmax/lipschitz/lmi/search_network.hpp"

namespace sigmax::lipschitz {

struct FoundMultipliers {
  Multipliers values;
  double rho = 0;  ///< about the one that these multipliers give, for the network that was searched
};

/// Searches 1 (LmiSearch::closed_form) and 2 (layer_by_layer). The last layer is searched to 1e-2 of its best s
/// (newton_multipliers()), the others to `gap` of theirs: the very best s of a layer is reached where S - s N is nearly
/// singular in many directions, and leaves the next layers less than a point between. At a gap of 10 the bound of
/// 784-8x128-10 is 267 in place of 295 and that of 784-5x1000-10 46 in place of 50; at 100 layers 0.1 is better.
/// Without operations left, a layer keeps the multipliers that its search has reached, those of the closed form to
/// begin with. Nothing if rounding leaves no layer's matrix positive definite. Callers hold a SerialBlas.
std::optional<FoundMultipliers> search_layers(const LayeredNetwork& network, LmiSearch search, double gap,
                                              SearchBudget& budget, Context& context);

}  // namespace sigmax::lipschitz
