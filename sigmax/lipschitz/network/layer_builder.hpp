// From the nodes of a graph to layers of neurons. Internal to lipschitz/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/network/neurons.hpp"

namespace sigmax::lipschitz {

struct LayerRules {
  /// Whether linear maps behind each other are multiplied, and functions that are linear on their box belong to them.
  /// Otherwise maps are put together only where nothing is rounded, and a value that is read through a map becomes a
  /// layer of linear neurons.
  bool fold = true;
  /// What a slope may be off by, relatively, to be an error of a weight instead of a neuron.
  double error = 0;
  /// Whether neurons that cannot move stay in their layers, so that a layer has an entry for each of its function's.
  bool keep_still = false;
};

struct BuiltLayers {
  Neurons neurons;
  std::int64_t nearly_linear = 0;  ///< neurons that a greater LayerRules::error would leave out
  bool composed = false;           ///< whether anything was rounded, or linear functions were folded
};

/// Nothing where neurons_of() gives nothing, with the reason in `why`.
std::optional<BuiltLayers> build_layers(const graph::Graph& graph, const std::vector<graph::Box>& boxes,
                                        const LayerRules& rules, std::int64_t most_entries, std::string& why,
                                        Context& context);

}  // namespace sigmax::lipschitz
