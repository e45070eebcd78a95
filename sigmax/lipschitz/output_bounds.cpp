#include "sigmax/lipschitz/output_bounds.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/part.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/lmi/lmi.hpp"
#include "sigmax/lipschitz/network/neurons.hpp"
#include "sigmax/lipschitz/pairs.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {
namespace {

using Bounds = std::vector<std::optional<UpperBound>>;

/// From the inputs to where the last part begins.
Limit bound_before(const NetworkEnclosure& whole) {
  Limit product = limit(1);
  for (std::size_t k = 0; k + 1 < whole.parts.size(); ++k) {
    const auto& bound = whole.parts[k].bound;
    product = product * (bound ? limit(bound->value()) : Limit{});
  }
  for (const Layer& layer : whole.walk.layers) {
    if (layer.node == whole.parts.back().from && layer.running)
      product = lesser(product, limit(layer.running->value()));
  }
  return product;
}

/// Those of the walk over the whole, and for the nodes that were added to it what follows from them.
std::vector<graph::Box> boxes_of(const graph::Part& part, const NetworkEnclosure& whole, Context& context) {
  std::vector<graph::Box> boxes;
  for (graph::Index node = 0; node < part.origin.size(); ++node) {
    const bool is_known = part.origin[node] < whole.walk.boxes.size();
    boxes.push_back(is_known ? whole.walk.boxes[part.origin[node]] : range_of(part.graph, node, boxes, context));
  }
  return boxes;
}

std::vector<NetworkTerm> row_of(const std::vector<NetworkTerm>& output, std::int64_t row) {
  std::vector<NetworkTerm> terms;
  for (const NetworkTerm& term : output) {
    Matrix<double> weight(1, term.weight.columns());
    for (std::int64_t j = 0; j < term.weight.columns(); ++j) weight(0, j) = term.weight(row, j);
    terms.push_back({term.source, std::move(weight)});
  }
  return terms;
}

/// Nothing for any output if the last part of the network has no neurons, too many, or was not bounded by the
/// inequality.
Bounds by_inequality(const graph::Graph& rows, const NetworkEnclosure& whole, const NetworkBoundOptions& options,
                     Context& context) {
  Bounds found(rows.outputs.size());
  if (whole.parts.empty() || !whole.parts.back().search) return found;
  const Limit before = bound_before(whole);
  if (!before) return found;
  const graph::Graph stacked = with_one_output(rows);
  const graph::Part part = part_between(stacked, whole.parts.back().from, stacked.outputs[0]);
  std::string why;
  const auto neurons = neurons_of(part.graph, boxes_of(part, whole, context), options.most_entries, why, context);
  if (!neurons || neurons->network.layers.empty()) return found;
  const LayeredNetwork& network = neurons->network;
  if (network.output.empty()) return Bounds(found.size(), upper_of(limit(0)));
  if (network.outputs() != static_cast<std::int64_t>(found.size())) {
    throw InternalError("[output_bounds] rows of the last part are not the outputs");
  }
  for (const NeuronLayer& layer : network.layers) {
    if (static_cast<std::int64_t>(layer.least.size()) > options.widest_layer) return found;
  }
  std::vector<std::vector<NetworkTerm>> outputs;
  for (std::int64_t row = 0; row < network.outputs(); ++row) outputs.push_back(row_of(network.output, row));
  const auto bounds = lmi_bounds(network, outputs, options.lmi, context);
  for (std::size_t k = 0; k < found.size(); ++k) {
    if (!bounds[k]) continue;
    found[k] = upper_of(limit(bounds[k]->lipschitz.value()) * (limit(1) + limit(neurons->row_error)) * before);
  }
  return found;
}

}  // namespace

Bounds output_bounds(const graph::Graph& rows, const NetworkEnclosure& whole, const Domain& domain,
                     const NetworkBoundOptions& options, Context& context) {
  const FloatingEnvironment environment;
  Bounds found = outputs_by_walk(rows, domain, options.walk, context);
  if (!options.inequality || options.walk.norm != VectorNorm::two) return found;
  const Bounds others = by_inequality(rows, whole, options, context);
  for (std::size_t k = 0; k < found.size(); ++k) {
    if (others[k] && (!found[k] || others[k]->value() < found[k]->value())) found[k] = others[k];
  }
  return found;
}

Bounds output_bounds(const graph::Graph& rows, const NetworkEnclosure& whole, const Domain& domain,
                     const NetworkBoundOptions& options) {
  Context context;
  return output_bounds(rows, whole, domain, options, context);
}

}  // namespace sigmax::lipschitz
