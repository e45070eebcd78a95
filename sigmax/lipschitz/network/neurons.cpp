#include "sigmax/lipschitz/network/neurons.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/lipschitz/network/layer_builder.hpp"

namespace sigmax::lipschitz {
namespace {

// The most for which the search of the whole network runs by default.
constexpr std::int64_t kFewNeurons = 1100;
// Half a minute for two cores.
constexpr double kManyFlops = 3e11;
// Five minutes.
constexpr double kMostFlops = 3e12;

std::int64_t neurons_in(const LayeredNetwork& network) {
  std::int64_t count = 0;
  for (const NeuronLayer& layer : network.layers) count += static_cast<std::int64_t>(layer.least.size());
  return count;
}

// Of a factorization by blocks, in the order of the layers. `reads[i][k]`: block (i, k) of P is not zero, or fills.
double factor_flops(const LayeredNetwork& network) {
  const std::size_t n = network.layers.size() + 1;
  std::vector<std::vector<bool>> has(n, std::vector<bool>(n));
  for (std::size_t i = 1; i < n; ++i) {
    const NeuronLayer& layer = network.layers[i - 1];
    bool curved = false;
    for (std::size_t j = 0; j < layer.least.size(); ++j) curved |= layer.least[j] * layer.most[j] != 0;
    for (const NetworkTerm& left : layer.terms) {
      has[i][left.source] = true;
      for (const NetworkTerm& right : layer.terms) {
        if (curved && left.source > right.source) has[left.source][right.source] = true;
      }
    }
  }
  double flops = 0;
  for (std::size_t k = 0; k < n; ++k) {
    double below = 0;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (!has[i][k]) continue;
      below += static_cast<double>(network.width(i));
      for (std::size_t j = k + 1; j < i; ++j) {
        if (has[j][k]) has[i][j] = true;
      }
    }
    const auto width = static_cast<double>(network.width(k));
    flops += width * (below + width) * (below + width);
  }
  return flops;
}

}  // namespace

bool is_layered(const graph::Operation& operation) {
  return std::holds_alternative<graph::Input>(operation) || std::holds_alternative<graph::Constant>(operation) ||
         std::holds_alternative<graph::Affine>(operation) || std::holds_alternative<graph::Elementwise>(operation) ||
         std::holds_alternative<graph::Sum>(operation) || std::holds_alternative<graph::Stack>(operation);
}

std::optional<Neurons> neurons_of(const graph::Graph& graph, const std::vector<graph::Box>& boxes,
                                  std::int64_t most_entries, std::string& why, Context& context) {
  std::optional<BuiltLayers> best = build_layers(graph, boxes, {true, 0x1p-44}, most_entries, why, context);
  const auto prefer = [&](std::optional<BuiltLayers> other) {
    if (other && (!best || factor_flops(other->neurons.network) < factor_flops(best->neurons.network) / 2)) {
      best = std::move(other);
    }
  };
  if (!best || (best->nearly_linear > 0 && neurons_in(best->neurons.network) > kFewNeurons)) {
    prefer(build_layers(graph, boxes, {true, 0x1p-26}, most_entries, why, context));
  }
  if (!best || (best->composed && factor_flops(best->neurons.network) > kManyFlops)) {
    prefer(build_layers(graph, boxes, {false, 0}, most_entries, why, context));
  }
  if (!best) return std::nullopt;
  why.clear();
  return std::move(best->neurons);
}

std::optional<Neurons> unsplit_neurons_of(const graph::Graph& graph, const std::vector<graph::Box>& boxes,
                                          std::int64_t most_entries, std::string& why, Context& context) {
  std::optional<BuiltLayers> built = build_layers(graph, boxes, {true, 0, true}, most_entries, why, context);
  if (!built) return std::nullopt;
  if (factor_flops(built->neurons.network) > kMostFlops) {
    why = "it has many layers that read many others";
    return std::nullopt;
  }
  return std::move(built->neurons);
}

}  // namespace sigmax::lipschitz
