#include "sigmax/lipschitz/images/search.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {
namespace {

// About the flops of one evaluation.
double cost_of(const ImageChain& chain) {
  double flops = 1e6;
  double carried = static_cast<double>(chain.first.size());
  for (const ImageLayer& layer : chain.layers) {
    const Correlation& c = layer.map.correlation;
    const auto out = static_cast<double>(c.out_channels);
    const auto points = static_cast<double>(c.output_positions()) / 2;
    double window = 1;
    if (layer.window) window = static_cast<double>(layer.window->taps());
    // Real matrices of twice the order: products and a factorization, twice, for kappa and for the units.
    const double order = 2 * out * (layer.window ? window : 1);
    flops += points / (layer.window ? window : 1) * order * order * (2 * carried + order) * 2;
    carried = 2 * out;
  }
  if (chain.flatten) {
    const auto m = static_cast<double>(chain.flatten->rows());
    flops += m * static_cast<double>(chain.flatten->columns()) * (m + carried);
  }
  return flops;
}

// Of one evaluation: beyond that a chain is left to the other methods.
double most_flops_of(LmiEffort effort) {
  switch (effort) {
    case LmiEffort::fast: return 1e11;
    case LmiEffort::standard: return 3e11;
    case LmiEffort::high: return 1e13;
  }
  return 0;
}

// A number that the pattern search moves.
struct Coordinate {
  std::size_t layer = 0;
  bool is_power = false;
};

class Search {
 public:
  Search(const ImageChain& chain, const BoundOfRest& rest, Context& context)
      : chain_(chain), rest_(rest), context_(context) {}

  // `known`, `states`: as chain_bound() has them.
  std::optional<UpperBound> value(const ChainChoice& choice, LmiEffort effort, std::size_t known,
                                  ChainStates& states) const {
    const auto found = chain_bound(chain_, choice, known, states, context_);
    if (!found) return std::nullopt;
    if (const auto* norm = std::get_if<UpperBound>(&*found)) return *norm;
    const auto& change = std::get<FlattenedChange>(*found);
    const auto rest = rest_(change.factor, effort);
    if (!rest || change.exponent > 1000 || change.exponent < -1000) return std::nullopt;
    return upper_of(limit(rest->value()) * limit(std::ldexp(1.0, static_cast<int>(change.exponent))));
  }

  std::optional<UpperBound> searched(ChainChoice choice, LmiEffort effort, int evaluations) const {
    ChainStates states;
    double best = at(choice, 0, states);
    improve(choice, states, best, evaluations);
    return value(choice, effort, choice.layers.size(), states);
  }

 private:
  void improve(ChainChoice& choice, ChainStates& states, double& best, int evaluations) const {
    std::vector<Coordinate> coordinates;
    for (std::size_t k = 0; k < choice.layers.size(); ++k) {
      coordinates.push_back({k, false});
      coordinates.push_back({k, true});
    }
    for (double step = 1; step > 0.1 && evaluations > 0; step /= 2) {
      for (const Coordinate& coordinate : coordinates) {
        for (const double direction : {1.0, -1.0}) {
          if (evaluations-- <= 0) return;
          ChainChoice moved = choice;
          move(moved.layers[coordinate.layer], chain_.layers[coordinate.layer].window.has_value(), coordinate.is_power,
               direction * step);
          ChainStates after = states;
          const double found = at(moved, coordinate.layer, after);
          if (!(found < best)) continue;
          best = found;
          choice = std::move(moved);
          states = std::move(after);
          break;
        }
      }
    }
  }

  double at(const ChainChoice& choice, std::size_t known, ChainStates& states) const {
    const auto found = value(choice, LmiEffort::fast, known, states);
    return found ? found->value() : kInfinity;
  }

  static void move(LayerChoice& choice, bool pools, bool is_power, double by) {
    if (is_power) {
      choice.power += by / 2;
      return;
    }
    if (pools) {
      choice.share = std::clamp(choice.share + 0.2 * by, -0.2, 0.9);
    } else {
      // share / (2 - share) on a logarithmic scale
      const double odds = choice.share / (2 - choice.share) * std::exp(by);
      choice.share = 2 * odds / (1 + odds);
    }
  }

  const ImageChain& chain_;
  const BoundOfRest& rest_;
  Context& context_;
};

}  // namespace

std::optional<UpperBound> image_chain_bound(const ImageChain& chain, const BoundOfRest& rest, LmiEffort effort,
                                            Context& context) {
  const FloatingEnvironment environment;
  const double cost = cost_of(chain);
  if (cost > most_flops_of(effort)) return std::nullopt;
  const Search search(chain, rest, context);
  const double most_flops = effort == LmiEffort::high ? 3e11 : 3e10;
  int evaluations = static_cast<int>(std::min(most_flops / cost, 200.0));
  if (8 * cost < 3e11) evaluations = std::max(evaluations, 8);
  if (effort == LmiEffort::fast || evaluations == 0) {
    ChainStates states;
    return search.value(closed_form(chain), effort, 0, states);
  }
  return search.searched(closed_form(chain), effort, evaluations);
}

}  // namespace sigmax::lipschitz
