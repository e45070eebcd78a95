#include "sigmax/bounds/network_proof/scaled.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/bounds/matrix_proof/rounding.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kLargestScaled = 0x1p400;
constexpr double kLeastSlope = 0x1p-900;
constexpr double kLeastError = 0x1p-1000;

// 2^-k times the slopes, at most 1 in magnitude. What would be rounded is replaced by a wider interval.
std::int64_t scale_slopes(double& least, double& most) {
  const double largest = larger_of(std::fabs(least), std::fabs(most));
  if (largest == 0) return 0;
  const std::int64_t k = std::ilogb(largest) + 1;
  least = times_power(least, -k);
  most = times_power(most, -k);
  if (std::fabs(least) < kLeastSlope) least = least < 0 ? -kLeastSlope : 0.0;
  if (std::fabs(most) < kLeastSlope) most = most > 0 ? kLeastSlope : 0.0;
  return k;
}

// mu = values 2^(-2 layer_exponent) = multiplier 2^(-2 unit)
void scale_multiplier(double value, std::int64_t layer_exponent, double& multiplier, std::int64_t& unit) {
  int exponent = 0;
  multiplier = std::frexp(value, &exponent);
  if (exponent % 2 != 0) {
    multiplier *= 2;
    exponent -= 1;
  }
  unit = layer_exponent - exponent / 2;
}

std::int64_t unit_of(const ScaledNetwork& network, std::size_t source, std::int64_t k) {
  return source == 0 ? 0 : network.layers[source - 1].unit[static_cast<std::size_t>(k)];
}

bool is_still(const ScaledNetwork& network, std::size_t source, std::int64_t k) {
  return source > 0 && network.layers[source - 1].still[static_cast<std::size_t>(k)];
}

bool is_unused(const ScaledNetwork& network, std::size_t source, std::int64_t k) {
  return source > 0 && network.layers[source - 1].unused[static_cast<std::size_t>(k)];
}

// Whether a matrix that the term stands for may have an entry other than 0 at (j, k).
bool may_read(const NetworkTerm& term, std::int64_t j, std::int64_t k) {
  return term.weight(j, k) != 0 || (!term.error.empty() && term.error(j, k) != 0);
}

// The columns of neurons that do not move become 0. Returns whether what remains reads an unused neuron.
bool clear_still(const ScaledNetwork& network, NetworkTerm& term) {
  bool reads_unused = false;
  for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
    if (is_still(network, term.source, k)) {
      std::ranges::fill(term.weight.column(k), 0.0);
      if (!term.error.empty()) std::ranges::fill(term.error.column(k), 0.0);
    }
    if (is_unused(network, term.source, k)) {
      for (std::int64_t j = 0; j < term.weight.rows(); ++j) reads_unused |= may_read(term, j, k);
    }
  }
  return reads_unused;
}

void find_still(ScaledLayer& layer) {
  layer.still.assign(layer.multiplier.size(), true);
  for (const NetworkTerm& term : layer.terms) {
    for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
      for (std::int64_t j = 0; j < term.weight.rows(); ++j) {
        if (may_read(term, j, k)) layer.still[static_cast<std::size_t>(j)] = false;
      }
    }
  }
  for (std::size_t j = 0; j < layer.still.size(); ++j) {
    if (layer.least[j] == 0 && layer.most[j] == 0) layer.still[j] = true;
  }
}

// 2^exponent times the error; what would underflow is replaced by more.
double scaled_error(double error, std::int64_t exponent) {
  return error == 0 ? 0.0 : larger_of(times_power(error, exponent), kLeastError);
}

// W' and its errors of one term. Returns whether every entry is in range.
bool scale_term(const ScaledNetwork& network, const ScaledLayer& layer, const std::vector<std::int64_t>& slope_exponent,
                NetworkTerm& term) {
  bool in_range = true;
  for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
    const std::int64_t column_unit = unit_of(network, term.source, k);
    for (std::int64_t j = 0; j < term.weight.rows(); ++j) {
      if (!may_read(term, j, k)) continue;
      const auto row = static_cast<std::size_t>(j);
      const bool counts = !layer.unused[row] && !layer.still[row];
      const std::int64_t exponent = slope_exponent[row] - layer.unit[row] + column_unit;
      double& w = term.weight(j, k);
      w = counts ? times_power(w, exponent) : 0.0;
      in_range &= std::fabs(w) <= kLargestScaled;
      if (term.error.empty()) continue;
      double& error = term.error(j, k);
      error = counts ? scaled_error(error, exponent) : 0.0;
      in_range &= error <= kLargestScaled;
    }
  }
  return in_range;
}

}  // namespace

std::optional<ScaledNetwork> scaled(const LayeredNetwork& network, const NetworkMultipliers& multipliers) {
  ScaledNetwork result{network.inputs, {}};
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const NeuronLayer& given = network.layers[i];
    const std::size_t n = given.least.size();
    ScaledLayer layer{given.terms, std::vector<double>(n), given.least, given.most, std::vector<std::int64_t>(n), {},
                      {}};
    for (NetworkTerm& term : layer.terms) {
      if (clear_still(result, term)) return std::nullopt;
    }
    find_still(layer);
    layer.unused.assign(n, false);
    std::vector<std::int64_t> slope_exponent(n);
    for (std::size_t j = 0; j < n; ++j) {
      const double value = multipliers.values[i][j];
      layer.unused[j] = value == 0 && !layer.still[j];
      slope_exponent[j] = scale_slopes(layer.least[j], layer.most[j]);
      scale_multiplier(value == 0 ? 1 : value, multipliers.exponents.empty() ? 0 : multipliers.exponents[i],
                       layer.multiplier[j], layer.unit[j]);
    }
    for (NetworkTerm& term : layer.terms) {
      if (!scale_term(result, layer, slope_exponent, term)) return std::nullopt;
    }
    result.layers.push_back(std::move(layer));
  }
  return result;
}

std::optional<ScaledOutput> scaled_output(const ScaledNetwork& network, const std::vector<NetworkTerm>& output) {
  ScaledOutput result{output, std::numeric_limits<std::int64_t>::min(), true};
  for (NetworkTerm& term : result.terms) {
    if (clear_still(network, term)) return std::nullopt;
    for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
      double largest = 0;
      for (const double w : term.weight.column(k)) largest = larger_of(largest, std::fabs(w));
      if (!term.error.empty()) {
        for (const double e : term.error.column(k)) largest = larger_of(largest, e);
      }
      if (largest == 0) continue;
      result.exponent = std::max(result.exponent, std::ilogb(largest) + 1 + unit_of(network, term.source, k));
      result.zero = false;
    }
  }
  if (result.zero) result.exponent = 0;
  for (NetworkTerm& term : result.terms) {
    for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
      const std::int64_t exponent = unit_of(network, term.source, k) - result.exponent;
      for (double& w : term.weight.column(k)) {
        if (w != 0) w = times_power(w, exponent);
      }
      if (term.error.empty()) continue;
      for (double& e : term.error.column(k)) e = scaled_error(e, exponent);
    }
  }
  return result;
}

}  // namespace sigmax::bounds
