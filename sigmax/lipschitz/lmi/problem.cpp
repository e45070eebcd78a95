#include "sigmax/lipschitz/lmi/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::lipschitz {

LayeredNetwork chain_of(std::vector<Matrix<double>> weights, double least, double most) {
  if (weights.size() < 2) {
    throw Error(fmt::format("[chain_of] {} matrices: a network with neurons has at least two", weights.size()));
  }
  LayeredNetwork network{weights.front().columns(), {}, {}};
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    const auto neurons = static_cast<std::size_t>(weights[i].rows());
    NeuronLayer layer{{}, std::vector<double>(neurons, least), std::vector<double>(neurons, most)};
    layer.terms.push_back({i, std::move(weights[i])});
    network.layers.push_back(std::move(layer));
  }
  network.output.push_back({weights.size() - 1, std::move(weights.back())});
  validate(network, "chain_of");
  return network;
}

LayeredNetwork chain_of(const std::vector<Operator<double>>& weights, double least, double most, Context& context) {
  const FloatingEnvironment environment;
  std::vector<Matrix<double>> matrices;
  matrices.reserve(weights.size());
  for (const Operator<double>& weight : weights) matrices.push_back(materialize(*weight, context));
  return chain_of(std::move(matrices), least, most);
}

LayeredNetwork with_distinct_slopes(LayeredNetwork network) {
  const FloatingEnvironment environment;
  for (NeuronLayer& layer : network.layers) {
    for (std::size_t j = 0; j < layer.least.size(); ++j) {
      double& least = layer.least[j];
      double& most = layer.most[j];
      if (least == 0 && most == 0) {
        // It does not move, and a row of zeros says the same.
        most = 1;
        for (NetworkTerm& term : layer.terms) {
          for (std::int64_t k = 0; k < term.weight.columns(); ++k) {
            term.weight(static_cast<std::int64_t>(j), k) = 0;
            if (!term.error.empty()) term.error(static_cast<std::int64_t>(j), k) = 0;
          }
        }
        continue;
      }
      const double gap = std::max(0x1p-10 * std::max(std::fabs(least), std::fabs(most)), 0x1p-1000);
      if (most - least < gap) most = std::max(most, least + gap);
    }
  }
  return network;
}

}  // namespace sigmax::lipschitz
