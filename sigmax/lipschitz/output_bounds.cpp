#include "sigmax/lipschitz/output_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/part.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/lipschitz/network/neurons.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Graph;
using graph::Index;
using Terms = std::vector<NetworkTerm>;

Limit limit_of(const std::optional<UpperBound>& bound) { return bound ? limit(bound->value()) : std::nullopt; }
/// f_first - f_second, or f_first.
struct Combination {
  std::size_t first = 0;
  std::optional<std::size_t> second{};
};

/// At least a + b and a b, for numbers that are not negative.
double sum_up(double a, double b) { return a == 0 ? b : b == 0 ? a : graph::up(a + b); }
double product_up(double a, double b) { return a == 0 || b == 0 ? 0 : graph::up(a * b); }

/// Of (I + D) (weight + E), |D| <= row_error, as one row with the errors of its entries.
NetworkTerm row_of(const NetworkTerm& term, const Combination& row, double row_error) {
  const auto at = [](const Matrix<double>& from, std::optional<std::size_t> i, std::int64_t k) {
    return i && !from.empty() ? from(static_cast<std::int64_t>(*i), k) : 0.0;
  };
  const std::int64_t columns = term.weight.columns();
  NetworkTerm found{term.source, Matrix<double>(1, columns), Matrix<double>(1, columns)};
  for (std::int64_t k = 0; k < columns; ++k) {
    const double a = at(term.weight, row.first, k);
    const double b = at(term.weight, row.second, k);
    const double difference = a - b;
    // The error of the difference, exactly (Knuth's sum of a and -b).
    const double minus_b = difference - a;
    const double rounding = std::fabs((a - (difference - minus_b)) + (-b - minus_b));
    const double own = sum_up(at(term.error, row.first, k), at(term.error, row.second, k));
    // d w + (1 + d) e
    const double of_rows = product_up(row_error, sum_up(sum_up(std::fabs(a), std::fabs(b)), own));
    found.weight(0, k) = difference;
    found.error(0, k) = sum_up(rounding, sum_up(own, of_rows));
  }
  if (std::ranges::all_of(found.error.values(), [](double error) { return error == 0; })) found.error = {};
  return found;
}

bool is_finite(const NetworkTerm& term) {
  const auto finite = [](double x) { return std::isfinite(x); };
  return std::ranges::all_of(term.weight.values(), finite) && std::ranges::all_of(term.error.values(), finite);
}

bool is_small_enough(const LayeredNetwork& network, const NetworkBoundOptions& options) {
  std::int64_t widest = 0;
  std::int64_t count = 0;
  for (const NeuronLayer& layer : network.layers) {
    const auto width = static_cast<std::int64_t>(layer.least.size());
    widest = std::max(widest, width);
    count += width;
  }
  return count > 0 && !network.output.empty() && widest <= options.widest_layer && count <= options.most_neurons;
}

/// For each row what the inequality says of the part; nothing for all where it has too many neurons, or none.
std::vector<Limit> layered_bounds(const Graph& part, const std::vector<graph::Box>& boxes,
                                  const std::vector<Combination>& rows, const NetworkBoundOptions& options,
                                  Context& context) {
  std::vector<Limit> found(rows.size());
  std::string why;
  const auto neurons = neurons_of(part, boxes, options.most_entries, why, context);
  if (!neurons || !is_small_enough(neurons->network, options)) return found;
  std::vector<Terms> outputs;
  for (const Combination& row : rows) {
    Terms& terms = outputs.emplace_back();
    for (const NetworkTerm& term : neurons->network.output) terms.push_back(row_of(term, row, neurons->row_error));
    if (!std::ranges::all_of(terms, is_finite)) return found;
  }
  const auto bounds = lmi_bounds(neurons->network, outputs, options.lmi, context);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (bounds[k]) found[k] = limit(bounds[k]->lipschitz.value());
  }
  return found;
}

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

class OutputBounding {
 public:
  /// `by_row`: the graph with one output for each row. `row_norm`: of a row as a function of all outputs.
  OutputBounding(Graph graph, Graph by_row, std::vector<Combination> rows, double row_norm, const Domain& domain,
                 const NetworkBoundOptions& options, Context& context)
      : graph_(std::move(graph)),
        by_row_(std::move(by_row)),
        rows_(std::move(rows)),
        row_norm_(row_norm),
        domain_(domain),
        options_(options),
        context_(context),
        best_(rows_.size()) {}

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
    walked_ = walk(by_row_, domain_, options, context_);
    running_.clear();
    for (const Layer& layer : walked_.layers) running_[layer.node] = layer.running;
    const std::vector<bool> moves = depends_on_input(by_row_);
    for (std::size_t k = 0; k < best_.size(); ++k) {
      const Index output = by_row_.outputs[k];
      best_[k] = lesser(best_[k], moves[output] ? limit_of(running_[output]) : limit(0));
    }
  }

  /// Whether it gave a bound of every row.
  bool by_inequality() {
    const std::optional<Index> from = start_of_layers(graph_);
    const bool is_thorough = options_.walk.join_up_to > 0;
    // All outputs together: what is before the last part may be sharper with it than multiplied.
    if (from && (is_thorough || from == graph_.outputs[0])) {
      const auto all = limit_of(network_bound(graph_, domain_, upper_end_of(options_), context_).upper);
      for (Limit& each : best_) each = lesser(each, all * limit(row_norm_));
    }
    if (from == graph_.outputs[0]) return false;
    Limit before = limit(1);
    if (from) {
      const graph::Part prefix = part_between(graph_, std::nullopt, *from);
      before = limit_of(running_[*from]);
      if (is_thorough) {
        before = lesser(before, limit_of(network_bound(prefix.graph, domain_, upper_end_of(options_), context_).upper));
      }
    }
    const graph::Part part = part_between(graph_, from, graph_.outputs[0]);
    std::vector<graph::Box> boxes;
    for (const Index node : part.origin) boxes.push_back(walked_.boxes[node]);
    const std::vector<Limit> layered = layered_bounds(part.graph, boxes, rows_, options_, context_);
    bool is_complete = true;
    for (std::size_t k = 0; k < rows_.size(); ++k) {
      const Limit found = before * layered[k];
      is_complete = is_complete && found;
      best_[k] = lesser(best_[k], found);
    }
    return is_complete;
  }

  Graph graph_;
  Graph by_row_;
  std::vector<Combination> rows_;
  double row_norm_;
  const Domain& domain_;
  const NetworkBoundOptions& options_;
  Context& context_;
  Walk walked_;
  std::map<Index, std::optional<UpperBound>> running_;
  std::vector<Limit> best_;
};

}  // namespace

using Bounds = std::vector<std::optional<UpperBound>>;

Bounds margin_bounds(const Graph& graph, const std::vector<Pair>& pairs, const Domain& domain,
                     const NetworkBoundOptions& options, Context& context) {
  const FloatingEnvironment environment;
  graph::validate(graph);
  std::vector<Combination> rows;
  rows.reserve(pairs.size());
  for (const auto& [i, j] : pairs) rows.push_back({i, j});
  Graph whole = with_one_output(graph);
  Graph by_row = with_differences(whole, pairs);
  constexpr double kRootOfTwo = 0x1.6a09e667f3bcdp+0;  // rounded up
  return OutputBounding(std::move(whole), std::move(by_row), std::move(rows), kRootOfTwo, domain, options, context)
      .run();
}

Bounds margin_bounds(const Graph& graph, const std::vector<Pair>& pairs, const Domain& domain,
                     const NetworkBoundOptions& options) {
  Context context;
  return margin_bounds(graph, pairs, domain, options, context);
}

Bounds output_bounds(const Graph& graph, const std::vector<std::size_t>& entries, const Domain& domain,
                     const NetworkBoundOptions& options, Context& context) {
  const FloatingEnvironment environment;
  graph::validate(graph);
  std::vector<Combination> rows;
  rows.reserve(entries.size());
  for (const std::size_t i : entries) rows.push_back({i});
  Graph whole = with_one_output(graph);
  Graph by_row = with_entries(whole, entries);
  return OutputBounding(std::move(whole), std::move(by_row), std::move(rows), 1, domain, options, context).run();
}

Bounds output_bounds(const Graph& graph, const std::vector<std::size_t>& entries, const Domain& domain,
                     const NetworkBoundOptions& options) {
  Context context;
  return output_bounds(graph, entries, domain, options, context);
}

}  // namespace sigmax::lipschitz
