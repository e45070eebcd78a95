#include "sigmax/lipschitz/margin_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "sigmax/bounds/network_lmi.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/part.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/lipschitz/lmi/problem.hpp"
#include "sigmax/lipschitz/network/neurons.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Graph;
using graph::Index;
using Terms = std::vector<NetworkTerm>;

Limit limit_of(const std::optional<UpperBound>& bound) { return bound ? limit(bound->value()) : std::nullopt; }
Limit limit_of(const std::optional<NetworkBound>& bound) {
  return bound ? limit(bound->lipschitz.value()) : std::nullopt;
}

/// (w_i - w_j) z as it is in double, and for each source how far its row is from the exact one, in the Euclidean norm.
struct Difference {
  Terms terms;
  std::map<std::size_t, double> errors;
  bool is_finite = true;
};

Difference difference_of(const Terms& output, const Pair& pair) {
  Difference difference;
  for (const NetworkTerm& term : output) {
    Matrix<double> row(1, term.weight.columns());
    double squares = 0;
    for (std::int64_t k = 0; k < row.columns(); ++k) {
      const double a = term.weight(static_cast<std::int64_t>(pair.first), k);
      const double b = term.weight(static_cast<std::int64_t>(pair.second), k);
      row(0, k) = a - b;
      difference.is_finite = difference.is_finite && std::isfinite(row(0, k));
      // The error of the difference, exactly (Knuth's sum of a and -b).
      const double minus_b = row(0, k) - a;
      const double error = (a - (row(0, k) - minus_b)) + (-b - minus_b);
      squares = graph::up(squares + graph::up(error * error));
    }
    difference.errors[term.source] = squares > 0 ? graph::up(std::sqrt(squares)) + 0x1p-537 : 0;
    difference.terms.push_back({term.source, std::move(row)});
  }
  return difference;
}

/// The part of the network that the inequality bounds, with the multipliers that were found for it.
class LayeredPart {
 public:
  /// `why`: not empty if there is nothing to bound.
  LayeredPart(const Graph& part, const std::vector<graph::Box>& boxes, const NetworkBoundOptions& options,
              Context& context)
      : options_(options), context_(context) {
    std::string why;
    neurons_ = neurons_of(part, boxes, options.most_entries, why, context);
    if (!neurons_ || !fits()) {
      neurons_.reset();
      return;
    }
    distinct_ = with_distinct_slopes(neurons_->network);
    const LmiBound found = lmi_bound(neurons_->network, options.lmi, context);
    if (!found.bound) return;
    std::int64_t widest = neurons_->network.outputs();
    for (const NetworkTerm& term : neurons_->network.output) widest = std::max(widest, term.weight.columns());
    lmi_ = NetworkLmi::factor(distinct_, found.multipliers, widest, context);
    if (lmi_) all_ = limit_of(lmi_->bound(neurons_->network.output, context));
  }

  /// Nothing if the inequality says nothing.
  Limit operator()(const Pair& pair) {
    if (!lmi_) return std::nullopt;
    const Difference difference = difference_of(neurons_->network.output, pair);
    if (!difference.is_finite) return std::nullopt;
    Limit bound = limit_of(lmi_->bound(difference.terms, context_));
    if (options_.lmi.effort == LmiEffort::high) bound = lesser(bound, with_own_search(difference.terms));
    for (const auto& [source, error] : difference.errors) {
      if (error > 0) bound = bound + limit(error) * of_source(source);
    }
    // (1 + d_i) w_i z - (1 + d_j) w_j z
    if (neurons_->row_error > 0) bound = bound + limit(2 * neurons_->row_error) * all_;
    return bound;
  }

 private:
  bool fits() const {
    std::int64_t widest = 0;
    std::int64_t count = 0;
    for (const NeuronLayer& layer : neurons_->network.layers) {
      const auto width = static_cast<std::int64_t>(layer.least.size());
      widest = std::max(widest, width);
      count += width;
    }
    return count > 0 && !neurons_->network.output.empty() && widest <= options_.widest_layer &&
           count <= options_.most_neurons;
  }

  Limit with_own_search(const Terms& output) {
    LayeredNetwork own = neurons_->network;
    own.output = output;
    return limit_of(lmi_bound(own, options_.lmi, context_).bound);
  }

  /// How far the source's value moves.
  Limit of_source(std::size_t source) {
    const auto found = sources_.find(source);
    if (found != sources_.end()) return found->second;
    const std::int64_t width = neurons_->network.width(source);
    Matrix<double> all(width, width);
    for (std::int64_t k = 0; k < width; ++k) all(k, k) = 1;
    Terms terms;
    terms.push_back({source, std::move(all)});
    return sources_[source] = limit_of(lmi_->bound(terms, context_));
  }

  const NetworkBoundOptions& options_;
  Context& context_;
  std::optional<Neurons> neurons_;
  LayeredNetwork distinct_;
  std::optional<NetworkLmi> lmi_;
  Limit all_;
  std::map<std::size_t, Limit> sources_;
};

/// The first of the nodes through which all ways pass from which on the graph is made of linear maps and functions of
/// single entries: nothing for the inputs, the output itself if there is none.
std::optional<Index> start_of_layers(const Graph& graph) {
  const std::vector<bool> needed = leads_to_output(graph);
  const std::vector<bool> moves = depends_on_input(graph);
  const std::vector<Index> cuts = cut_nodes(graph);
  Index first = 0;  // the node after the last one of another kind
  for (Index node = 0; node < graph.nodes.size(); ++node) {
    if (needed[node] && moves[node] && !is_layered(graph.nodes[node].operation)) first = node + 1;
  }
  if (first == 0) return std::nullopt;
  for (const Index cut : cuts) {
    if (cut + 1 >= first) return cut;
  }
  return graph.outputs[0];
}

NetworkBoundOptions upper_end_of(NetworkBoundOptions options) {
  options.lower = false;
  return options;
}

/// The bounds of a graph with one output for each pair.
class MarginBounding {
 public:
  MarginBounding(const Graph& graph, const std::vector<Pair>& pairs, const Domain& domain,
                 const NetworkBoundOptions& options, Context& context)
      : graph_(with_one_output(graph)),
        differences_(with_differences(graph_, pairs)),
        pairs_(pairs),
        domain_(domain),
        options_(options),
        context_(context),
        best_(pairs.size()) {}

  std::vector<std::optional<UpperBound>> run() && {
    const bool has_inequality = options_.inequality && options_.walk.norm == VectorNorm::two;
    WalkOptions plain = options_.walk;
    // Joined maps take a proof for each pair and layer, and the inequality is sharper.
    if (has_inequality) plain.join_up_to = 0;
    by_walk(plain);
    bool is_done = !has_inequality || is_all_zero();
    if (!is_done) is_done = by_inequality() && options_.lmi.effort != LmiEffort::high;
    if (!is_done && options_.walk.join_up_to > 0) by_walk(options_.walk);
    std::vector<std::optional<UpperBound>> bounds;
    for (const Limit& each : best_) bounds.push_back(upper_of(each));
    return bounds;
  }

 private:
  bool is_all_zero() const {
    return std::ranges::all_of(best_, [](const Limit& each) { return each && each->upper->value() == 0; });
  }

  void by_walk(const WalkOptions& options) {
    walked_ = walk(differences_, domain_, options, context_);
    running_.clear();
    for (const Layer& layer : walked_.layers) running_[layer.node] = layer.running;
    const std::vector<bool> moves = depends_on_input(differences_);
    for (std::size_t k = 0; k < best_.size(); ++k) {
      const Index output = differences_.outputs[k];
      best_[k] = lesser(best_[k], moves[output] ? limit_of(running_[output]) : limit(0));
    }
  }

  /// Whether it gave a bound of every pair.
  bool by_inequality() {
    const std::optional<Index> from = start_of_layers(graph_);
    if (from == graph_.outputs[0]) {
      const auto all = limit_of(network_bound(graph_, domain_, upper_end_of(options_), context_).upper);
      for (Limit& each : best_) each = lesser(each, all * limit(0x1.6a09e667f3bcdp+0));  // sqrt 2, rounded up
      return false;
    }
    Limit before = limit(1);
    if (from) {
      const graph::Part prefix = part_between(graph_, std::nullopt, *from);
      before = limit_of(running_[*from]);
      if (options_.walk.join_up_to > 0) {
        before = lesser(before, limit_of(network_bound(prefix.graph, domain_, upper_end_of(options_), context_).upper));
      }
    }
    const graph::Part part = part_between(graph_, from, graph_.outputs[0]);
    std::vector<graph::Box> boxes;
    for (const Index node : part.origin) boxes.push_back(walked_.boxes[node]);
    LayeredPart layered(part.graph, boxes, options_, context_);
    bool is_complete = true;
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      context_.check_cancel();
      const Limit found = before * layered(pairs_[k]);
      is_complete = is_complete && found;
      best_[k] = lesser(best_[k], found);
    }
    return is_complete;
  }

  Graph graph_;
  Graph differences_;
  const std::vector<Pair>& pairs_;
  const Domain& domain_;
  const NetworkBoundOptions& options_;
  Context& context_;
  Walk walked_;
  std::map<Index, std::optional<UpperBound>> running_;
  std::vector<Limit> best_;
};

}  // namespace

std::vector<std::optional<UpperBound>> margin_bounds(const Graph& graph, const std::vector<Pair>& pairs,
                                                     const Domain& domain, const NetworkBoundOptions& options,
                                                     Context& context) {
  const FloatingEnvironment environment;
  graph::validate(graph);
  return MarginBounding(graph, pairs, domain, options, context).run();
}

std::vector<std::optional<UpperBound>> margin_bounds(const Graph& graph, const std::vector<Pair>& pairs,
                                                     const Domain& domain, const NetworkBoundOptions& options) {
  Context context;
  return margin_bounds(graph, pairs, domain, options, context);
}

}  // namespace sigmax::lipschitz
