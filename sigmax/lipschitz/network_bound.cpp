#include "sigmax/lipschitz/network_bound.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/part.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/network/neurons.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::vector<graph::Box> boxes_of(const graph::Part& part, const std::vector<graph::Box>& whole) {
  std::vector<graph::Box> boxes;
  for (const Index node : part.origin) boxes.push_back(whole[node]);
  return boxes;
}

/// The inputs of a part: where they lie in the domain of the whole.
Domain domain_of(const graph::Part& part, const std::vector<graph::Box>& boxes) {
  graph::Box all;
  for (const Index input : part.graph.inputs) all.insert(all.end(), boxes[input].begin(), boxes[input].end());
  return all;
}

bool has_functions(const graph::Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const graph::Node& node) {
    return std::holds_alternative<graph::Elementwise>(node.operation);
  });
}

class PartBounder {
 public:
  PartBounder(const std::vector<graph::Box>& boxes, const NetworkBoundOptions& options, Context& context)
      : boxes_(boxes), options_(options), context_(context) {}

  PartBound operator()(const graph::Graph& whole, std::optional<Index> from, Index to) {
    const Stopwatch watch;
    PartBound bound;
    bound.from = from;
    bound.to = to;
    const graph::Part part = part_between(whole, from, to);
    by_inequality(part, bound);
    // The walk over the whole network is that over its only part, and the smallest bound of the inequality is hardly
    // ever above the walk.
    const bool is_first = !from || std::holds_alternative<graph::Input>(whole.nodes[*from].operation);
    const bool is_whole = is_first && to == whole.outputs.front();
    if (!bound.bound || (!is_whole && bound.search != LmiSearch::whole_network)) {
      const auto walked = walk(part.graph, domain_of(part, boxes_of(part, boxes_)), options_.walk, context_).bound;
      if (walked && (!bound.bound || walked->value() < bound.bound->value())) {
        if (bound.bound) bound.why = "the walk gives less";
        bound.bound = walked;
        bound.search.reset();
      }
    }
    bound.seconds = watch.seconds();
    return bound;
  }

 private:
  void by_inequality(const graph::Part& part, PartBound& bound) {
    const auto neurons = neurons_of(part.graph, boxes_of(part, boxes_), options_.most_entries, bound.why, context_);
    if (!neurons) return;
    std::int64_t widest = 0;
    for (const NeuronLayer& layer : neurons->network.layers) {
      const auto width = static_cast<std::int64_t>(layer.least.size());
      bound.neurons += width;
      widest = std::max(widest, width);
    }
    if (neurons->network.output.empty()) {
      bound.bound = upper_of(limit(0));
      bound.why = "its output is constant on the domain";
    } else if (neurons->network.layers.empty() && !has_functions(part.graph)) {
      bound.why = "it is a linear map";
    } else if (widest > options_.widest_layer) {
      bound.why = fmt::format("a layer has {} neurons, more than {}", widest, options_.widest_layer);
    } else if (bound.neurons > options_.most_neurons) {
      bound.why = fmt::format("it has {} neurons, more than {}", bound.neurons, options_.most_neurons);
    } else {
      const LmiBound found = lmi_bound(neurons->network, options_.lmi, context_);
      if (found.bound) {
        bound.bound = upper_of(limit(found.bound->lipschitz.value()) * (limit(1) + limit(neurons->row_error)));
        bound.search = found.search;
      } else {
        bound.why = "no multipliers that were found could be proven";
      }
    }
  }

  const std::vector<graph::Box>& boxes_;
  const NetworkBoundOptions& options_;
  Context& context_;
};

/// Neighboring layered parts are one part. What lies between two cuts lies between them in the order of computation
/// too.
std::vector<PartBound> bound_parts(const graph::Graph& graph, PartBounder& bounder, Context& context) {
  const std::vector<bool> needed = leads_to_output(graph);
  const std::vector<bool> moves = depends_on_input(graph);
  const auto is_layered_up_to = [&](Index first, Index last) {
    for (Index node = first; node <= last; ++node) {
      if (needed[node] && moves[node] && !is_layered(graph.nodes[node].operation)) return false;
    }
    return true;
  };
  std::vector<PartBound> parts;
  const std::vector<Index> cuts = cut_nodes(graph);
  std::optional<Index> from;
  for (std::size_t k = 0; k < cuts.size(); ++k) {
    if (!from && cuts.size() > 1 && std::holds_alternative<graph::Input>(graph.nodes[cuts[k]].operation)) {
      from = cuts[k];
      continue;
    }
    context.check_cancel();
    if (is_layered_up_to(from ? *from + 1 : 0, cuts[k])) {
      while (k + 1 < cuts.size() && is_layered_up_to(cuts[k] + 1, cuts[k + 1])) ++k;
    }
    parts.push_back(bounder(graph, from, cuts[k]));
    from = cuts[k];
  }
  return parts;
}

}  // namespace

NetworkEnclosure network_bound(const graph::Graph& given, const Domain& domain, const NetworkBoundOptions& options,
                               Context& context) {
  const FloatingEnvironment environment;
  graph::validate(given);
  validate(domain, given);
  if (given.outputs.empty()) throw Error("[network_bound] the graph has no outputs");
  const graph::Graph graph = with_one_output(given);
  NetworkEnclosure result;
  const Stopwatch walking;
  result.walk = walk(graph, domain, options.walk, context);
  result.walk_seconds = walking.seconds();
  result.upper = result.walk.bound;
  result.method = "walk";
  if (options.inequality && options.walk.norm == VectorNorm::two && result.walk.bound) {
    PartBounder bounder(result.walk.boxes, options, context);
    result.parts = bound_parts(graph, bounder, context);
    Limit product = limit(1);
    for (const PartBound& part : result.parts) product = product * (part.bound ? limit(part.bound->value()) : Limit{});
    result.inequality = upper_of(product);
    if (result.inequality && result.inequality->value() < result.upper->value()) {
      result.upper = result.inequality;
      result.method = "inequality";
    }
  }
  if (options.lower && result.walk.refused.empty()) {
    const Stopwatch searching;
    LowerOptions search = options.lower_search;
    search.norm = options.walk.norm;
    result.lower = lower_bound(graph, domain, search, context);
    result.lower_seconds = searching.seconds();
  }
  return result;
}

NetworkEnclosure network_bound(const graph::Graph& graph, const Domain& domain, const NetworkBoundOptions& options) {
  Context context;
  return network_bound(graph, domain, options, context);
}

}  // namespace sigmax::lipschitz
