#include "sigmax/lipschitz/images/chain.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::lipschitz {
namespace {

// r_c^power, and 1 for rows of zeros.
std::vector<double> row_factors(const ImageMap& map, const std::vector<double>& units, double power) {
  const Correlation& c = map.correlation;
  std::vector<double> factors(static_cast<std::size_t>(c.out_channels), 1.0);
  if (power == 0) return factors;
  const std::int64_t in = c.in_channels / c.groups;
  const std::int64_t out = c.out_channels / c.groups;
  std::vector<double> sizes;
  double largest = 0;
  for (std::int64_t o = 0; o < c.out_channels; ++o) {
    double sum = 0;
    for (std::int64_t i = 0; i < in; ++i) {
      const double unit = units[static_cast<std::size_t>(o / out * in + i)];
      for (std::int64_t p = 0; p < c.taps(); ++p) {
        const double k = map.kernel[static_cast<std::size_t>((o * in + i) * c.taps() + p)] * unit;
        sum += k * k;
      }
    }
    sizes.push_back(std::sqrt(sum));
    largest = std::max(largest, sizes.back());
  }
  // Rows that hardly matter do not get units that are out of proportion.
  for (std::size_t o = 0; o < factors.size(); ++o) {
    if (largest > 0) factors[o] = std::pow(std::max(sizes[o] / largest, 1e-3), power);
  }
  return factors;
}

ImageMap divided(ImageMap map, const std::vector<double>& factors) {
  const auto row = static_cast<std::size_t>(map.correlation.terms());
  for (std::size_t k = 0; k < map.kernel.size(); ++k) map.kernel[k] /= factors[k / row];
  return map;
}

// The neurons of a layer with the units that `choice` gives.
std::optional<ImageNeurons> neurons_of(const ImageSegment& segment, const ImageLayer& layer, const LayerChoice& choice,
                                       const HalfOffsets& offsets, Context& context) {
  const std::vector<double>& units = segment.neurons.empty() ? segment.input : segment.neurons.back().unit;
  const std::vector<double> factors = row_factors(layer.map, units, choice.power);
  ImageNeurons neurons{layer.map, layer.most, {}};
  neurons.map.exponent = 0;
  ImageMap unscaled = divided(layer.map, factors);
  unscaled.exponent = 0;
  ImageSegment before = segment;
  for (ImageNeurons& each : before.neurons) each.map.exponent = 0;
  const auto norm = image_norm(before, unscaled, offsets, context);
  if (!norm) return std::nullopt;
  const double root = norm->value() > 0 ? norm->value() / std::sqrt(choice.share) : 1;
  for (std::size_t c = 0; c < factors.size(); ++c) {
    const double unit = root * factors[c] * (layer.most[c] > 0 ? layer.most[c] : 1);
    if (!std::isfinite(unit)) return std::nullopt;
    neurons.unit.push_back(std::max(unit, 1e-300));  // any unit above 0 is right
  }
  neurons.map.exponent = layer.map.exponent;
  return neurons;
}

std::optional<std::vector<double>> pooled(const ImageSegment& segment, const ImageLayer& layer,
                                          const LayerChoice& choice, const HalfOffsets& offsets, Context& context) {
  const std::vector<double>& units = segment.neurons.empty() ? segment.input : segment.neurons.back().unit;
  PoolWindow pool{*layer.window, row_factors(layer.map, units, choice.power), {}};
  for (double& d : pool.diagonal) {
    d *= d;
    pool.other.push_back(choice.share * d);
  }
  auto result = pooled_units(segment, layer.map, pool, offsets, context);
  if (!result) return std::nullopt;
  for (std::size_t c = 0; c < result->size(); ++c) {
    // Rounded up: the product is at most that of numbers with a larger last place.
    double& unit = (*result)[c];
    unit = std::max(std::nextafter(unit * layer.most[c], HUGE_VAL), 1e-300);
    if (!std::isfinite(unit)) return std::nullopt;
  }
  return result;
}

// The images themselves: a map of each channel to itself.
ImageMap identity_map(std::int64_t channels, const std::vector<std::int64_t>& positions) {
  ImageMap map;
  map.correlation = {channels, channels, channels, PaddingMode::Zeros, {}};
  for (const std::int64_t n : positions) map.correlation.axes.push_back({1, 1, 1, 0, n, n});
  map.kernel.assign(static_cast<std::size_t>(channels), 1.0);
  return map;
}

}  // namespace

ChainChoice closed_form(const ImageChain& chain) {
  ChainChoice choice;
  for (const ImageLayer& layer : chain.layers) choice.layers.push_back({layer.window ? 0.0 : 1.0, 0});
  return choice;
}

std::optional<ChainBound> chain_bound(const ImageChain& chain, const ChainChoice& choice, std::size_t known,
                                      ChainStates& states, Context& context) {
  if (states.segments.empty()) states.segments.push_back({chain.first, {}});
  states.segments.resize(std::min(states.segments.size(), known + 1));
  for (std::size_t k = states.segments.size() - 1; k < chain.layers.size(); ++k) {
    const ImageLayer& layer = chain.layers[k];
    ImageSegment segment = states.segments.back();
    if (layer.window) {
      auto units = pooled(segment, layer, choice.layers[k], choice.offsets, context);
      if (!units) return std::nullopt;
      segment = {std::move(*units), {}};
    } else {
      auto neurons = neurons_of(segment, layer, choice.layers[k], choice.offsets, context);
      if (!neurons) return std::nullopt;
      segment.neurons.push_back(std::move(*neurons));
    }
    states.segments.push_back(std::move(segment));
  }
  const ImageSegment& segment = states.segments.back();
  if (chain.flatten) {
    auto change = flattened_change(segment, *chain.flatten, chain.positions, choice.offsets, context);
    if (!change) return std::nullopt;
    return ChainBound(std::move(*change));
  }
  const auto channels =
      static_cast<std::int64_t>(segment.neurons.empty() ? segment.input.size() : segment.neurons.back().unit.size());
  const auto norm =
      image_norm(segment, chain.last ? *chain.last : identity_map(channels, chain.positions), choice.offsets, context);
  if (!norm) return std::nullopt;
  return ChainBound(*norm);
}

}  // namespace sigmax::lipschitz
