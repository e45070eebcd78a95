#include "sigmax/graph/entrywise.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/scalar/expression_function.hpp"

namespace sigmax::graph {
namespace {

constexpr std::size_t kMostTerms = 60;
constexpr std::size_t kMostDistinct = 512;

/// diag(factor * entries), with the factor of all entries known to an interval; no entries: ones.
struct DiagonalMap {
  Interval factor = point(1);
  std::span<const double> entries{};
};

std::optional<DiagonalMap> diagonal_map(const LinearOperator<double>& map) {
  const Structure<double> structure = map.structure();
  if (const auto* diagonal = std::get_if<structure::Diagonal>(&structure))
    return DiagonalMap{point(1), diagonal->entries};
  if (const auto* scaled = std::get_if<structure::Scaled<double>>(&structure)) {
    auto inner = diagonal_map(*scaled->of);
    if (inner) inner->factor = inner->factor * point(scaled->factor);
    return inner;
  }
  if (const auto* kronecker = std::get_if<structure::Kronecker<double>>(&structure)) {
    Interval factor = point(1);
    for (const auto& each : kronecker->factors) {
      const auto part = diagonal_map(*each);
      if (!part || !part->entries.empty()) return std::nullopt;
      factor = factor * part->factor;
    }
    return DiagonalMap{factor, {}};
  }
  return std::nullopt;
}

/// Composes the functions from `start` to a node, for one entry.
class Composer {
 public:
  Composer(const Graph& graph, Index start, std::size_t entry) : graph_(graph), entry_(entry) {
    built_.emplace(start, Expression::variable());
  }

  /// Nothing if it gets too long, or a function is not an expression.
  std::optional<Expression> of(Index index) {
    if (const auto found = built_.find(index); found != built_.end()) return found->second;
    std::optional<Expression> result = compose(graph_.nodes[index]);
    if (!result || result->terms().size() > kMostTerms) return std::nullopt;
    built_.emplace(index, *result);
    return result;
  }

 private:
  double at(const std::vector<double>& values) const { return values[entry_]; }

  std::optional<Expression> compose(const Node& node) {
    if (const auto* constant = std::get_if<Constant>(&node.operation))
      return Expression::constant(at(constant->values));
    std::vector<Expression> inputs;
    for (const Index input : node.inputs) {
      auto each = of(input);
      if (!each) return std::nullopt;
      inputs.push_back(std::move(*each));
    }
    if (const auto* affine = std::get_if<Affine>(&node.operation)) {
      const auto map = diagonal_map(*affine->map);
      Interval factor = map->factor;
      if (!map->entries.empty()) factor = factor * point(map->entries[entry_]);
      if (affine->row_error > 0) factor = factor * (point(1) + Interval{-affine->row_error, affine->row_error});
      const Expression product = Expression::constant(factor) * inputs[0];
      Interval offset = point(affine->offset.empty() ? 0 : at(affine->offset));
      if (!affine->offset_error.empty())
        offset = offset + Interval{-at(affine->offset_error), at(affine->offset_error)};
      return is_point(offset) && offset.least == 0 ? product : product + Expression::constant(offset);
    }
    if (const auto* elementwise = std::get_if<Elementwise>(&node.operation)) {
      const std::size_t which = elementwise->which.empty() ? 0 : elementwise->which[entry_];
      const Expression* f = expression_of(*elementwise->functions[which]);
      if (f == nullptr) return std::nullopt;
      return composed(*f, inputs[0]);
    }
    Symbol symbol = Symbol::Add;
    if (std::holds_alternative<Product>(node.operation)) symbol = Symbol::Multiply;
    if (std::holds_alternative<Quotient>(node.operation)) symbol = Symbol::Divide;
    if (const auto* extreme = std::get_if<Extreme>(&node.operation)) {
      symbol = extreme->least ? Symbol::Minimum : Symbol::Maximum;
    }
    Expression result = inputs[0];
    for (std::size_t i = 1; i < inputs.size(); ++i) result = make(symbol, {result, inputs[i]});
    return result;
  }

  const Graph& graph_;
  std::size_t entry_;
  std::map<Index, Expression> built_;
};

/// The numbers of the nodes between `start` and a node that are not the same for all entries.
class Parameters {
 public:
  Parameters(const Graph& graph, Index start, Index end) : graph_(graph) {
    seen_[start] = true;
    collect(end);
  }

  bool are_uniform() const { return numbers_.empty() && which_.empty(); }

  /// Entries with the same key have the same function.
  std::vector<double> key(std::size_t entry) const {
    std::vector<double> result;
    for (const auto& values : numbers_) result.push_back(values[entry]);
    for (const auto& values : which_) result.push_back(values[entry]);
    return result;
  }

 private:
  void collect(Index index) {
    if (std::exchange(seen_[index], true)) return;
    const Node& node = graph_.nodes[index];
    if (const auto* constant = std::get_if<Constant>(&node.operation)) add(constant->values);
    if (const auto* affine = std::get_if<Affine>(&node.operation)) {
      add(diagonal_map(*affine->map)->entries);
      add(affine->offset);
      add(affine->offset_error);
    }
    if (const auto* elementwise = std::get_if<Elementwise>(&node.operation)) {
      if (!elementwise->which.empty()) which_.emplace_back(elementwise->which);
    }
    for (const Index input : node.inputs) collect(input);
  }

  void add(std::span<const double> values) {
    if (std::ranges::adjacent_find(values, std::not_equal_to<>()) != values.end()) numbers_.push_back(values);
  }

  const Graph& graph_;
  std::map<Index, bool> seen_;
  std::vector<std::span<const double>> numbers_;
  std::vector<std::span<const std::uint32_t>> which_;
};

bool is_constant(const Node& node) { return std::holds_alternative<Constant>(node.operation); }

}  // namespace

std::optional<std::vector<double>> exact_diagonal(const Affine& affine) {
  if (affine.row_error != 0) return std::nullopt;
  const auto map = diagonal_map(*affine.map);
  if (!map) return std::nullopt;
  std::vector<double> result;
  for (std::int64_t i = 0; i < affine.map->shape().rows; ++i) {
    const Interval entry =
        map->entries.empty() ? map->factor : map->factor * point(map->entries[static_cast<std::size_t>(i)]);
    if (!is_point(entry)) return std::nullopt;
    result.push_back(entry.least);
  }
  return result;
}

EntrywiseNodes::EntrywiseNodes(const Graph& graph)
    : graph_(graph), dominators_(graph.nodes.size()), depths_(graph.nodes.size(), 0) {
  for (Index n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!is_entrywise(node)) continue;
    std::optional<Index> all;
    bool one_root = true;
    for (const Index input : node.inputs) {
      if (is_constant(graph.nodes[input])) continue;
      all = all ? common_dominator(*all, input) : std::optional<Index>(input);
      if (!all) {
        one_root = false;
        break;
      }
    }
    if (!one_root || !all) continue;
    dominators_[n] = all;
    depths_[n] = depths_[*all] + 1;
  }
}

bool EntrywiseNodes::is_entrywise(const Node& node) const {
  if (const auto* affine = std::get_if<Affine>(&node.operation)) return diagonal_map(*affine->map).has_value();
  return std::holds_alternative<Elementwise>(node.operation) || std::holds_alternative<Sum>(node.operation) ||
         std::holds_alternative<Product>(node.operation) || std::holds_alternative<Quotient>(node.operation) ||
         std::holds_alternative<Extreme>(node.operation);
}

std::optional<Index> EntrywiseNodes::common_dominator(Index a, Index b) const {
  while (a != b) {
    Index& deeper = depths_[a] >= depths_[b] ? a : b;
    if (!dominators_[deeper]) return std::nullopt;
    deeper = *dominators_[deeper];
  }
  return a;
}

bool EntrywiseNodes::is_join(Index node) const {
  if (!dominators_[node]) return false;
  const auto& inputs = graph_.nodes[node].inputs;
  return std::ranges::count_if(inputs, [&](Index input) { return !is_constant(graph_.nodes[input]); }) > 1;
}

std::optional<EntrywiseNodes::Functions> EntrywiseNodes::functions(Index start, Index node) const {
  const Parameters parameters(graph_, start, node);
  const auto entries = static_cast<std::size_t>(graph_.nodes[node].size());
  Functions result;
  std::map<std::vector<double>, std::uint32_t> places;
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const auto [place, is_new] = places.emplace(parameters.key(entry), static_cast<std::uint32_t>(places.size()));
    if (is_new) {
      if (places.size() > kMostDistinct) return std::nullopt;
      auto expression = Composer(graph_, start, entry).of(node);
      if (!expression) return std::nullopt;
      result.functions.push_back(std::move(*expression));
    }
    if (parameters.are_uniform()) break;
    result.which.push_back(place->second);
  }
  if (result.functions.size() <= 1) result.which.clear();
  if (result.functions.empty()) return std::nullopt;
  return result;
}

}  // namespace sigmax::graph
