// A network as the searches for multipliers see it: of ordinary size, without neurons that hardly matter. Internal to
// lipschitz/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/bounds/network_lmi.hpp"

namespace sigmax::lipschitz {

/// Multipliers of the neurons, by layer.
using Multipliers = std::vector<std::vector<double>>;

/// Layer i has units of 2^exponents[i], so that no entry of a weight exceeds 1 and the largest is near it, and slopes
/// of at most 1. Nothing here needs to be exact: what a search finds is proven with the network itself.
struct SearchNetwork {
  LayeredNetwork all;   ///< every neuron
  LayeredNetwork used;  ///< without the neurons left out
  std::vector<std::int64_t> exponents;
  std::vector<std::vector<std::size_t>> kept;  ///< by layer, the neurons of `used`
};

/// Leaves out the neurons whose row is below 2^-40 of the largest of their layer, or whose columns are below 2^-40 of
/// the largest of each matrix that reads them: weight decay makes rows of 1e-30, whose multipliers would be 1e30 times
/// those of others. At least one neuron of a layer stays. The network has distinct slopes.
SearchNetwork search_network(const LayeredNetwork& network);

/// The multipliers of the network given, from those of `used`. A neuron that was left out gets the one for which its
/// couplings to what it reads and to what reads it are equally small; `rho` is the value found for the inequality of
/// `used`.
NetworkMultipliers restored(const SearchNetwork& search, const Multipliers& multipliers, double rho);

}  // namespace sigmax::lipschitz
