// The Lipschitz constant of a network of linear maps and neurons by a matrix inequality: sharper than the product of
// norms, proven. Derivation: docs/lipschitz.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/bounds/network_lmi.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::lipschitz {

/// How the multipliers of the inequality were found. Any multipliers prove a bound; a longer search finds a smaller
/// one.
enum class LmiSearch {
  closed_form,     ///< one multiplier a layer, in closed form (ECLipsE-Fast)
  layer_by_layer,  ///< for each layer in turn the ones that leave the next layer the most, by Newton's method
  whole_network,   ///< all at once: the smallest bound that the inequality has
};

/// "closed_form", "layer_by_layer", "whole_network".
std::string_view name(LmiSearch search) noexcept;

enum class LmiEffort { fast, standard, high };

struct LmiOptions {
  /// fast: the closed form. standard: layer by layer, and the whole network up to 400 neurons. high: the whole network
  /// up to 1500 neurons.
  LmiEffort effort = LmiEffort::standard;
  /// A relative distance of the bound from the best of its search that is enough.
  double gap = 1e-6;
};

struct LmiBound {
  std::optional<NetworkBound> bound;  ///< missing if no multipliers that were found could be proven
  NetworkMultipliers multipliers;     ///< of `network`
  LmiSearch search = LmiSearch::closed_form;
};

/// A bound of |y(x) - y(x')| / |x - x'| over all x, x', proven. Searches run in plain floating-point arithmetic; what
/// they find is proven afterwards, and a search that fails or whose result cannot be proven gives way to the one before
/// it. The bound is about `network` with the slopes of with_distinct_slopes() (lipschitz/lmi/problem.hpp), and so about
/// the one given.
///
/// Cost for layers of n neurons: closed form 4 n^3 flops a layer, layer by layer 4 n^3 for each of 20 to 40 steps a
/// layer, whole network N^3 / 3 + 6 N^2 n for each of about 50 steps, N neurons together; the proof 7/3 n^3 a layer.
/// Throws Error for a network that does not fit together, and Canceled on request.
LmiBound lmi_bound(const LayeredNetwork& network, const LmiOptions& options, Context& context);

/// As above, on every hardware thread.
inline LmiBound lmi_bound(const LayeredNetwork& network, const LmiOptions& options = {}) {
  Context context;
  return lmi_bound(network, options, context);
}

}  // namespace sigmax::lipschitz
