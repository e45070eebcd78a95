// Multipliers of a chain of convolutions, and the bound that they prove. Internal to lipschitz/.
#pragma once

#include <functional>
#include <optional>

#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/lipschitz/images/chain.hpp"
#include "sigmax/lipschitz/lmi/lmi.hpp"

namespace sigmax::lipschitz {

/// A bound of what follows the chain's dense layer T, as a function of u with T dz = L du: of the network that begins
/// with the matrix L.
using BoundOfRest = std::function<std::optional<UpperBound>(const Matrix<double>& l, LmiEffort effort)>;

/// Bounds the chain, and the rest if it has a dense layer. effort fast: one evaluation. Others: a pattern search over
/// two numbers a layer (LayerChoice), with as many evaluations as 3 10^10 flops allow (high: 3 10^11), 8 if that takes
/// less than 3 10^11; the rest is bounded with LmiEffort::fast in the search and with `effort` at its end. Nothing if
/// no choice could be proven, or if one evaluation takes more than 10^13 flops.
std::optional<UpperBound> image_chain_bound(const ImageChain& chain, const BoundOfRest& rest, LmiEffort effort,
                                            Context& context);

}  // namespace sigmax::lipschitz
