#include "sigmax/bounds/layered_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax {

void validate(const LayeredNetwork& network, const std::vector<NetworkTerm>& terms, std::int64_t rows, std::size_t end,
              const char* who) {
  const bool is_output = end == network.layers.size() + 1;
  const std::string place = is_output ? std::string("the output") : fmt::format("layer {}", end);
  std::vector<bool> seen(end);
  for (const NetworkTerm& term : terms) {
    if (term.source >= end) {
      throw Error(fmt::format("[{}] {} reads source {}, which is not before it", who, place, term.source));
    }
    if (seen[term.source]) {
      throw Error(fmt::format("[{}] {} reads source {} twice: add the two matrices", who, place, term.source));
    }
    seen[term.source] = true;
    const Matrix<double>& w = term.weight;
    if (w.rows() != rows || w.columns() != network.width(term.source)) {
      throw Error(fmt::format("[{}] {} has a {}x{} matrix for source {}; {}x{} fits", who, place, w.rows(), w.columns(),
                              term.source, rows, network.width(term.source)));
    }
    if (!std::ranges::all_of(w.values(), [](double x) { return std::isfinite(x); })) {
      throw Error(fmt::format("[{}] {} has a matrix with entries that are not finite", who, place));
    }
    const Matrix<double>& e = term.error;
    if (!e.empty() && (e.rows() != w.rows() || e.columns() != w.columns())) {
      throw Error(fmt::format("[{}] {} has {}x{} errors for a {}x{} matrix", who, place, e.rows(), e.columns(),
                              w.rows(), w.columns()));
    }
    if (!std::ranges::all_of(e.values(), [](double x) { return x >= 0 && std::isfinite(x); })) {
      throw Error(fmt::format("[{}] {} has an error that is negative or not finite", who, place));
    }
  }
}

void validate(const LayeredNetwork& network, const char* who) {
  if (network.inputs <= 0) throw Error(fmt::format("[{}] the network has {} inputs", who, network.inputs));
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const NeuronLayer& layer = network.layers[i];
    if (layer.least.empty() || layer.least.size() != layer.most.size()) {
      throw Error(fmt::format("[{}] layer {} has {} least and {} greatest slopes: one of each is needed for a neuron",
                              who, i + 1, layer.least.size(), layer.most.size()));
    }
    for (std::size_t j = 0; j < layer.least.size(); ++j) {
      const double least = layer.least[j];
      const double most = layer.most[j];
      if (!(least <= most) || !std::isfinite(least) || !std::isfinite(most)) {
        throw Error(fmt::format("[{}] neuron {} of layer {} has slopes between {} and {}", who, j, i + 1, least, most));
      }
    }
    validate(network, layer.terms, network.width(i + 1), i + 1, who);
  }
  if (network.output.empty()) throw Error(fmt::format("[{}] the output has no terms", who));
  validate(network, network.output, network.outputs(), network.layers.size() + 1, who);
}

}  // namespace sigmax
