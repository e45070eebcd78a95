// A network in variables of their own units, so that the diagonal of P is about 1. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/bounds/layered_network.hpp"

namespace sigmax::bounds {

/// z_j = 2^unit_j z'_j for neurons and inputs (unit 0). In these variables P has the multipliers mu'_j = 2^(2 unit_j)
/// mu_j, between 1/2 and 2, and the weights W'_jk = 2^(k_j - unit_j + unit_k) W_jk, where the slopes of neuron j are
/// 2^k_j times those that are stored here, of at most 1 in magnitude. All this is exact, except for entries that
/// underflow, by 2^-1075 each; slopes and errors of weights that would underflow are moved outward instead.
struct ScaledLayer {
  std::vector<NetworkTerm> terms;
  std::vector<double> multiplier;
  std::vector<double> least;
  std::vector<double> most;
  std::vector<std::int64_t> unit;
  /// z_j does not move: no weight that may be other than 0 reads a neuron that moves, or the slopes are 0. Its column
  /// is 0 in every matrix that reads it.
  std::vector<bool> still;
  /// The given multiplier is 0: nothing may read this neuron. Its row is 0 here, and its multiplier 1.
  std::vector<bool> unused;
};

struct ScaledNetwork {
  std::int64_t inputs = 0;
  std::vector<ScaledLayer> layers;

  std::int64_t width(std::size_t source) const {
    return source == 0 ? inputs : static_cast<std::int64_t>(layers[source - 1].multiplier.size());
  }
};

/// Nothing if a layer reads an unused neuron, or an entry is beyond 2^400.
std::optional<ScaledNetwork> scaled(const LayeredNetwork& network, const NetworkMultipliers& multipliers);

/// 2^-exponent C in the variables z', with a largest entry between 1/2 and 1; 0: C dz = 0.
struct ScaledOutput {
  std::vector<NetworkTerm> terms;
  std::int64_t exponent = 0;
  bool zero = false;
};

/// Nothing if the output reads an unused neuron.
std::optional<ScaledOutput> scaled_output(const ScaledNetwork& network, const std::vector<NetworkTerm>& output);

}  // namespace sigmax::bounds
