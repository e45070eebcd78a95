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
  by_frequency,    ///< by channel for a chain of convolutions, in blocks of one frequency; not a search of lmi_bound()
};

/// "closed_form", "layer_by_layer", "whole_network", "by_frequency".
std::string_view name(LmiSearch search) noexcept;

enum class LmiEffort { fast, standard, high };

struct LmiOptions {
  /// fast: the closed form. standard: layer by layer, and the whole network up to 1100 neurons: seconds on two cores.
  /// high: the whole network up to 2500 neurons, and each output of lmi_bounds() with a search of its own.
  LmiEffort effort = LmiEffort::standard;
  /// The relative distance from the smallest rho of the inequality at which the search of the whole network may end.
  /// The bound is its root: twice as close, and in practice much closer. Ten times as much with more than 500 neurons,
  /// unless the effort is high.
  double gap = 1e-5;
  /// About the operations of the searches, half a minute's on two cores; `high` has twenty times as many. A search that
  /// has used them ends where it is, and what it has found is proven: a true bound, but a larger one.
  double most_flops = 1.5e12;
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
/// Cost for layers of n neurons: closed form 4 n^3 flops a layer, layer by layer 4 n^3 for each of 10 to 40 steps a
/// layer, whole network N^3 / 3 + 6 N^2 n for each of 30 to 150 steps, N neurons together; the proof 7/3 n^3 a layer.
/// Throws Error for a network that does not fit together, and Canceled on request.
LmiBound lmi_bound(const LayeredNetwork& network, const LmiOptions& options, Context& context);

/// As above, on every hardware thread.
inline LmiBound lmi_bound(const LayeredNetwork& network, const LmiOptions& options = {}) {
  Context context;
  return lmi_bound(network, options, context);
}

/// The bounds of several outputs over the same neurons, such as single logits and differences of two: lists of terms as
/// in LayeredNetwork::output. One search for the network's own output, one factorization, and one triangular solve
/// each; with LmiEffort::high a search for each output, which gives smaller bounds. Missing where nothing was proven.
/// Throws as lmi_bound() does, and for an output that does not fit.
std::vector<std::optional<NetworkBound>> lmi_bounds(const LayeredNetwork& network,
                                                    const std::vector<std::vector<NetworkTerm>>& outputs,
                                                    const LmiOptions& options, Context& context);

/// As above, on every hardware thread.
inline std::vector<std::optional<NetworkBound>> lmi_bounds(const LayeredNetwork& network,
                                                           const std::vector<std::vector<NetworkTerm>>& outputs,
                                                           const LmiOptions& options = {}) {
  Context context;
  return lmi_bounds(network, outputs, options, context);
}

}  // namespace sigmax::lipschitz
