#include "sigmax/lipschitz/network_bound.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/part.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/lipschitz/images/recognized.hpp"
#include "sigmax/lipschitz/images/search.hpp"
#include "sigmax/lipschitz/lmi/problem.hpp"
#include "sigmax/lipschitz/network/neurons.hpp"
#include "sigmax/lipschitz/stopwatch.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;

std::vector<graph::Box> boxes_of(const graph::Part& part, const std::vector<graph::Box>& whole) {
  std::vector<graph::Box> boxes;
  for (const Index node : part.origin) boxes.push_back(whole[node]);
  return boxes;
}

/// The inputs of a part: where they lie in the domain of the whole.
Domain domain_of(const graph::Part& part, const std::vector<graph::Box>& boxes) {
  graph::Box all;
  for (const Index input : part.graph.inputs) {
    for (const graph::Interval& each : boxes[input]) {
      // An entry that a mask makes -infinity is no number: nothing is said of it.
      all.push_back(std::isinf(each.least) && each.least == each.greatest ? graph::Interval{} : each);
    }
  }
  return all;
}

bool has_functions(const graph::Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const graph::Node& node) {
    return std::holds_alternative<graph::Elementwise>(node.operation);
  });
}

class PartBounder {
 public:
  /// `everywhere`: the boxes follow from the graph alone.
  PartBounder(const std::vector<graph::Box>& boxes, bool everywhere, const NetworkBoundOptions& options,
              Context& context)
      : boxes_(boxes), everywhere_(everywhere), options_(options), context_(context) {}

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

  /// The part after `from` as a chain of convolutions; with a dense layer behind them, up to `to`.
  std::optional<PartBound> by_frequency(const graph::Graph& whole, std::optional<Index> from,
                                        const RecognizedChain& recognized, Index to) {
    const Stopwatch watch;
    PartBound bound;
    bound.from = from;
    bound.to = to;
    std::optional<graph::Part> part;
    if (recognized.dense) part = part_between(whole, recognized.end, to);
    const BoundOfRest rest = [&](const Matrix<double>& l, LmiEffort effort) {
      return rest_bound(*part, *recognized.dense, l, effort, bound.neurons);
    };
    const auto found = image_chain_bound(recognized.chain, rest, options_.lmi.effort, context_);
    if (!found) return std::nullopt;
    bound.bound = upper_of(limit(found->value()) * limit(recognized.gain));
    if (!bound.bound) return std::nullopt;
    bound.search = LmiSearch::by_frequency;
    bound.neurons += recognized.chain.neurons;
    bound.seconds = watch.seconds();
    return bound;
  }

 private:
  /// The part behind the chain, with the matrix L in place of the dense layer.
  std::optional<UpperBound> rest_bound(graph::Part part, Index replaced, const Matrix<double>& l, LmiEffort effort,
                                       std::int64_t& rest_neurons) {
    const std::vector<graph::Box> boxes = boxes_of(part, boxes_);
    for (Index node = 0; node < part.graph.nodes.size(); ++node) {
      graph::Node& each = part.graph.nodes[node];
      if (std::holds_alternative<graph::Input>(each.operation)) each.shape = {l.columns()};
      if (part.origin[node] != replaced) continue;
      const Matrix<double> rows = lapack::transposed(l.view());
      std::get<graph::Affine>(each.operation).map =
          dense<double>(Tensor::copy_of(rows.values(), {l.rows(), l.columns()}));
    }
    std::string why;
    const auto neurons = neurons_of(part.graph, boxes, options_.most_entries, why, context_);
    if (!neurons) return std::nullopt;
    if (neurons->network.output.empty()) return upper_of(limit(0));
    LmiOptions options = options_.lmi;
    options.effort = effort;
    const LmiBound found = lmi_bound(neurons->network, options, context_);
    if (!found.bound) return std::nullopt;
    rest_neurons = 0;
    for (const NeuronLayer& layer : neurons->network.layers) {
      rest_neurons += static_cast<std::int64_t>(layer.least.size());
    }
    return upper_of(limit(found.bound->lipschitz.value()) * (limit(1) + limit(neurons->row_error)));
  }

  void by_inequality(const graph::Part& part, PartBound& bound) {
    const auto neurons = neurons_of(part.graph, boxes_of(part, boxes_), options_.most_entries, bound.why, context_);
    if (!neurons) return;
    std::int64_t widest = 0;
    for (const NeuronLayer& layer : neurons->network.layers) {
      const auto width = static_cast<std::int64_t>(layer.least.size());
      bound.neurons += width;
      widest = std::max(widest, width);
    }
    LmiBound found;
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
      found = lmi_bound(neurons->network, options_.lmi, context_);
      if (found.bound) {
        bound.bound = upper_of(limit(found.bound->lipschitz.value()) * (limit(1) + limit(neurons->row_error)));
        bound.search = found.search;
      } else {
        bound.why = "no multipliers that were found could be proven";
      }
    }
    if (options_.keep_proofs) bound.proof = checkable(part, *neurons, found);
  }

  /// The bound in a form that others can check: a layer for each function, and slopes that hold for all arguments on
  /// the whole space. If the search used others, that takes a second one.
  std::shared_ptr<const PartProof> checkable(const graph::Part& part, const Neurons& used, const LmiBound& found) {
    const std::vector<graph::Box> boxes =
        everywhere_ ? std::vector<graph::Box>(part.graph.nodes.size()) : boxes_of(part, boxes_);
    std::string why;
    const auto unsplit = unsplit_neurons_of(part.graph, boxes, options_.most_entries, why, context_);
    if (!unsplit) return nullptr;
    LayeredNetwork network = with_distinct_slopes(unsplit->network);
    if (!found.bound)
      return std::make_shared<const PartProof>(PartProof{std::move(network), {}, 0, unsplit->row_error});
    const bool is_same = unsplit->row_error == used.row_error && network == with_distinct_slopes(used.network);
    const LmiBound again = is_same ? found : lmi_bound(unsplit->network, options_.lmi, context_);
    if (!again.bound)
      return std::make_shared<const PartProof>(PartProof{std::move(network), {}, 0, unsplit->row_error});
    return std::make_shared<const PartProof>(
        PartProof{std::move(network), again.multipliers, again.bound->lipschitz.value(), unsplit->row_error});
  }

  const std::vector<graph::Box>& boxes_;
  bool everywhere_;
  const NetworkBoundOptions& options_;
  Context& context_;
};

class Parts {
 public:
  Parts(const graph::Graph& graph, const std::vector<graph::Box>& boxes, bool everywhere,
        const NetworkBoundOptions& options, Context& context)
      : graph_(graph),
        boxes_(boxes),
        options_(options),
        context_(context),
        bounder_(boxes, everywhere, options, context),
        needed_(leads_to_output(graph)),
        moves_(depends_on_input(graph)),
        cuts_(cut_nodes(graph)) {}

  std::vector<PartBound> bounded() {
    std::vector<PartBound> parts;
    std::optional<Index> from;
    for (std::size_t k = 0; k < cuts_.size(); ++k) {
      if (!from && cuts_.size() > 1 && std::holds_alternative<graph::Input>(graph_.nodes[cuts_[k]].operation)) {
        from = cuts_[k];
        continue;
      }
      const std::size_t last = chain(from, k, parts);
      if (last == k - 1) {
        k = layered_end(from, k);
        parts.push_back(bounder_(graph_, from, cuts_[k]));
      } else {
        k = last;
      }
      from = cuts_[k];
    }
    return parts;
  }

 private:
  bool is_layered_up_to(Index first, Index last) const {
    for (Index node = first; node <= last; ++node) {
      if (needed_[node] && moves_[node] && !is_layered(graph_.nodes[node].operation)) return false;
    }
    return true;
  }

  /// Neighboring layered parts are one part: the last of the cuts from k that ends it. What lies between two cuts lies
  /// between them in the order of computation too.
  std::size_t layered_end(std::optional<Index> from, std::size_t k) const {
    context_.check_cancel();
    if (!is_layered_up_to(from ? *from + 1 : 0, cuts_[k])) return k;
    while (k + 1 < cuts_.size() && is_layered_up_to(cuts_[k] + 1, cuts_[k + 1])) ++k;
    return k;
  }

  /// Appends the parts of a chain of convolutions that begins at `from`, whose first cut is k, and returns its last
  /// cut; k - 1 where there is none. Small ones are bounded without the symmetry, too, and the lesser bound counts.
  std::size_t chain(std::optional<Index> from, std::size_t k, std::vector<PartBound>& parts) {
    const std::size_t none = k - 1;
    const auto recognized = recognized_chain(graph_, from, boxes_, context_);
    if (!recognized) return none;
    std::size_t last = k;
    while (last < cuts_.size() && cuts_[last] != recognized->end) ++last;
    if (last == cuts_.size()) return none;
    if (recognized->dense) {
      const std::size_t end = layered_end(recognized->end, last + 1);
      if (end == last + 1 && !is_layered_up_to(cuts_[last] + 1, cuts_[end])) return none;
      last = end;
    }
    auto found = bounder_.by_frequency(graph_, from, *recognized, cuts_[last]);
    const std::int64_t most = options_.lmi.effort == LmiEffort::high ? options_.most_neurons : options_.dense_up_to;
    if (found && found->neurons > most) {
      parts.push_back(std::move(*found));
      return last;
    }
    // The same cuts without the chain.
    std::vector<PartBound> others;
    Limit product = limit(1);
    std::optional<Index> begin = from;
    for (std::size_t j = k; j <= last; ++j) {
      j = std::min(layered_end(begin, j), last);
      others.push_back(bounder_(graph_, begin, cuts_[j]));
      product = product * (others.back().bound ? limit(others.back().bound->value()) : Limit{});
      begin = cuts_[j];
    }
    const auto other = upper_of(product);
    if (found && !(other && other->value() <= found->bound->value())) {
      parts.push_back(std::move(*found));
    } else {
      for (PartBound& part : others) parts.push_back(std::move(part));
    }
    return last;
  }

  const graph::Graph& graph_;
  const std::vector<graph::Box>& boxes_;
  const NetworkBoundOptions& options_;
  Context& context_;
  PartBounder bounder_;
  std::vector<bool> needed_;
  std::vector<bool> moves_;
  std::vector<Index> cuts_;
};

}  // namespace

NetworkEnclosure network_bound(const graph::Graph& given, const Domain& domain, const NetworkBoundOptions& asked,
                               Context& context) {
  const FloatingEnvironment environment;
  graph::validate(given);
  validate(domain, given);
  if (given.outputs.empty()) throw Error("[network_bound] the graph has no outputs");
  const graph::Graph graph = with_one_output(given);
  NetworkEnclosure result;
  const Stopwatch walking;
  // Walks over parts read the same maps.
  NetworkBoundOptions options = asked;
  options.walk.known = known_norms(graph, asked.walk, context);
  result.walk = walk(graph, domain, options.walk, context);
  result.walk_seconds = walking.seconds();
  result.upper = result.walk.bound;
  result.method = "walk";
  if (options.inequality && options.walk.norm == VectorNorm::two && result.walk.bound) {
    const bool everywhere = std::holds_alternative<Everywhere>(domain);
    result.parts = Parts(graph, result.walk.boxes, everywhere, options, context).bounded();
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
