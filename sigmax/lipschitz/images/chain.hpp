// A chain of convolutions as the inequality by frequencies sees it, and its bound for given parameters of the
// multipliers. Internal to lipschitz/.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::lipschitz {

/// v = map(z); then neurons with slopes in [0, most], or, with a window, the maxima in it times at most `most`: both by
/// output channel.
struct ImageLayer {
  ImageMap map;
  std::optional<Correlation> window{};
  std::vector<double> most;
};

/// Layer by layer; then a last map, or a dense layer that reads everything, or nothing. The change of the value that
/// the chain begins with is multiplied by `first` at most, by channel.
struct ImageChain {
  std::vector<double> first;
  std::vector<ImageLayer> layers;
  std::optional<ImageMap> last;
  std::optional<Matrix<double>> flatten;
  std::vector<std::int64_t> positions;  ///< of the last images
  std::int64_t neurons = 0;             ///< entries of images behind functions
};

/// How the multipliers of a layer follow from the covariance K of v: the units are sqrt(kappa / share) r_c^power, with
/// r_c the size of row c of the map in the units of what it reads and kappa the largest eigenvalue of K with rows and
/// columns divided by r_c^power. In a pooling layer d_c = r_c^(2 power) and o_c = share d_c.
struct LayerChoice {
  double share = 1;
  double power = 0;
};

struct ChainChoice {
  std::vector<LayerChoice> layers;
  HalfOffsets offsets{true, true, true};
};

/// ECLipsE-Fast over frequencies, and pooling windows taken as independent.
ChainChoice closed_form(const ImageChain& chain);

/// A bound of the chain, or what its dense layer makes of it.
using ChainBound = std::variant<UpperBound, FlattenedChange>;

/// segments[k]: what the first k layers make with the choices of a call before, as far as it came.
struct ChainStates {
  std::vector<ImageSegment> segments;
};

/// Nothing if a layer could not be proven. `states` are those of a choice that has the same first `known` layers and
/// offsets; they become those of this one.
std::optional<ChainBound> chain_bound(const ImageChain& chain, const ChainChoice& choice, std::size_t known,
                                      ChainStates& states, Context& context);

}  // namespace sigmax::lipschitz
