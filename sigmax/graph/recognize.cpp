// From the outputs backward: a value that is needed is taken from the nearest value before it from which it is a
// Lipschitz function, and which itself can be had by Lipschitz functions from its root; then that one is needed. Where
// there is none, from its dominator.
#include "sigmax/graph/recognize.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/entrywise.hpp"
#include "sigmax/graph/local_responses.hpp"
#include "sigmax/graph/scalar/expression_function.hpp"
#include "sigmax/graph/scalar/usual_name.hpp"

namespace sigmax::graph {
namespace {

class Recognizer {
 public:
  explicit Recognizer(const Graph& graph) : graph_(graph), nodes_(graph), choices_(graph.nodes.size()) {}

  /// The node in other words; nothing if it stays as it is.
  std::optional<Node> replacement(Index index) {
    const Choice& choice = chosen(index);
    if (!choice.elementwise) return std::nullopt;
    Node node = graph_.nodes[index];
    node.operation = *choice.elementwise;
    node.inputs = {choice.start};
    return node;
  }

 private:
  /// How a node's value is had.
  struct Choice {
    bool lipschitz = true;                     // from its root
    std::optional<Elementwise> elementwise{};  // of `start`; nothing: by the node's own operation
    Index start = 0;
  };

  static bool has_slopes(const Elementwise& elementwise) {
    return std::ranges::all_of(elementwise.functions,
                               [](const Function& each) { return each->slopes(Interval{}).has_value(); });
  }

  std::optional<Elementwise> composition(Index start, Index node) const {
    auto parts = nodes_.functions(start, node);
    if (!parts) return std::nullopt;
    Elementwise result;
    for (Expression& each : parts->functions) {
      std::string name = usual_name(each);
      result.functions.push_back(function_of(std::move(each), std::move(name)));
    }
    result.which = std::move(parts->which);
    return result;
  }

  /// The node's own operation on its dominator is one function, and has slopes.
  bool lipschitz_alone(Index index) const {
    if (nodes_.is_join(index)) return false;
    const Node& node = graph_.nodes[index];
    if (const auto* elementwise = std::get_if<Elementwise>(&node.operation)) return has_slopes(*elementwise);
    // constant / x; x / constant is a multiple unless the constant is 0
    return !std::holds_alternative<Quotient>(node.operation);
  }

  /// A sum or an extreme of values that all are Lipschitz functions of their roots: what is known of the parts is a
  /// bound, where nothing is known of the whole.
  bool adds_lipschitz(Index index) {
    const Node& node = graph_.nodes[index];
    if (!std::holds_alternative<Sum>(node.operation) && !std::holds_alternative<Extreme>(node.operation)) return false;
    return std::ranges::all_of(node.inputs, [&](Index input) { return chosen(input).lipschitz; });
  }

  const Choice& chosen(Index index) {
    if (!choices_[index]) choices_[index] = choose(index);
    return *choices_[index];
  }

  Choice choose(Index index) {
    const auto dominator = nodes_.dominator(index);
    if (!dominator) return {};
    const bool alone = lipschitz_alone(index);
    if (alone && chosen(*dominator).lipschitz) return with_usual_name(index, *dominator).value_or(Choice{});
    std::optional<Elementwise> nearest;
    for (std::optional<Index> start = dominator; start; start = nodes_.dominator(*start)) {
      auto candidate = composition(*start, index);
      if (!candidate) break;
      const bool found = has_slopes(*candidate) && chosen(*start).lipschitz;
      if (found) return {true, std::move(candidate), *start};
      if (!nearest) nearest = std::move(candidate);
    }
    if (!nodes_.is_join(index)) return {false};
    if (adds_lipschitz(index)) return {};
    return {false, std::move(nearest), *dominator};
  }

  /// A multiple of a join, as 0.5 of x (1 + erf(...)), if only the whole has a name.
  std::optional<Choice> with_usual_name(Index index, Index join) {
    const auto* affine = std::get_if<Affine>(&graph_.nodes[index].operation);
    if (affine == nullptr || !nodes_.is_join(join)) return std::nullopt;
    const Choice& inner = chosen(join);
    if (!inner.elementwise) return std::nullopt;
    const auto parts = nodes_.functions(inner.start, index);
    if (!parts || parts->functions.size() != 1 || usual_name(parts->functions[0]).empty()) return std::nullopt;
    if (!usual_name(*expression_of(*inner.elementwise->functions[0])).empty()) return std::nullopt;
    auto whole = composition(inner.start, index);
    if (!whole || !has_slopes(*whole)) return std::nullopt;
    return Choice{true, std::move(whole), inner.start};
  }

  const Graph& graph_;
  EntrywiseNodes nodes_;
  std::vector<std::optional<Choice>> choices_;
};

/// The standardization with what follows it as its gain and offset, if that is exact.
std::optional<Standardization> with_gain(const Standardization& before, const Affine& affine) {
  auto gain = exact_diagonal(affine);
  if (!gain || !affine.offset_error.empty()) return std::nullopt;
  const bool changes = std::ranges::any_of(*gain, [](double each) { return each != 1; });
  if (changes && (!before.gain.empty() || !before.offset.empty())) return std::nullopt;
  if (!affine.offset.empty() && !before.offset.empty()) return std::nullopt;
  Standardization result = before;
  if (changes) result.gain = std::move(*gain);
  if (!affine.offset.empty()) result.offset = affine.offset;
  return result;
}

void give_gains(Graph& graph) {
  for (Node& node : graph.nodes) {
    const auto* affine = std::get_if<Affine>(&node.operation);
    if (affine == nullptr) continue;
    const Node& input = graph.nodes[node.inputs[0]];
    const auto* before = std::get_if<Standardization>(&input.operation);
    if (before == nullptr) continue;
    auto whole = with_gain(*before, *affine);
    if (!whole) continue;
    node.inputs = input.inputs;
    node.operation = std::move(*whole);
  }
}

}  // namespace

Graph recognized(Graph graph) {
  find_local_responses(graph);
  Recognizer recognizer(graph);
  std::vector<bool> needed(graph.nodes.size(), false);
  for (const Index each : graph.outputs) needed[each] = true;
  std::map<Index, Node> replaced;
  for (Index i = graph.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    auto node = recognizer.replacement(i);
    for (const Index input : node ? node->inputs : graph.nodes[i].inputs) needed[input] = true;
    if (node) replaced.emplace(i, std::move(*node));
  }
  for (auto& [index, node] : replaced) graph.nodes[index] = std::move(node);
  give_gains(graph);
  return graph;
}

}  // namespace sigmax::graph
