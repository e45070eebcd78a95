#include "sigmax/lipschitz/walk/expansion.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/lipschitz/walk/rule.hpp"
#include "sigmax/ops/diagonal.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;

// Entries of a composed map that is formed: 128 MiB.
constexpr std::int64_t kMostFormed = std::int64_t{1} << 24;

/// diag(entries); null if they are all the same.
Operator<double> diagonal_of(const std::vector<double>& entries) {
  const bool same = std::ranges::all_of(entries, [&](double each) { return each == entries[0]; });
  if (same) return nullptr;
  return diagonal<double>(Tensor::copy_of(entries, {static_cast<std::int64_t>(entries.size())}));
}

}  // namespace

Expansion::Expansion(const graph::Graph& graph, const LinearForms& forms, const std::vector<graph::Box>& boxes,
                     const std::vector<Limit>& bounds, std::int64_t join_up_to, std::int64_t most_splits, Norms& norms)
    : graph_(graph),
      forms_(forms),
      boxes_(boxes),
      bounds_(bounds),
      join_up_to_(join_up_to),
      most_splits_(most_splits),
      norms_(norms) {}

Limit Expansion::bound(Index node) {
  LinearForm terms = forms_[node];
  Limit spread = limit(0);
  Limit best = total(terms);
  // Each pass looks for the last function and replaces it by nodes before it.
  std::int64_t splits = 0;
  for (auto last = terms.end(); last != terms.begin();) {
    const Index source = (--last)->first;
    if (!std::holds_alternative<graph::Elementwise>(graph_.nodes[source].operation)) continue;
    if (++splits > most_splits_ || !replace(source, terms, spread)) break;
    best = lesser(best, total(terms) + spread);
    last = terms.end();
  }
  return best;
}

// Whether the function could be split and what comes of it is small enough to be joined.
bool Expansion::replace(Index function, LinearForm& terms, Limit& spread) {
  const std::optional<Split>& split = split_of(function);
  if (!split) return false;
  const Index argument = graph_.nodes[function].inputs[0];
  const std::int64_t order = graph_.nodes[function].size();
  const Term own = terms.at(function);
  terms.erase(function);
  if (split->half > 0) {
    const Limit uniform = norm_of(own) * limit(split->half);
    const Limit weighted =
        split->halves == nullptr ? uniform : norm_of(own * Term{split->halves, 1, limit(split->half), limit(0)});
    spread = spread + lesser(uniform, weighted) * bounds_[argument];
  }
  if (split->middle == 0 && split->middles == nullptr) return true;
  const Term through = split->middles == nullptr
                           ? scaled(split->middle, own, order)
                           : own * Term{split->middles, 1, limit(std::fabs(split->middle)), limit(0)};
  for (const auto& [source, inner] : forms_[argument]) {
    Term term = through * inner;
    const auto found = terms.find(source);
    if (found != terms.end()) term = sum_of({found->second, term}, graph_.nodes[source].size());
    if (!is_small(term)) return false;
    terms[source] = std::move(term);
  }
  return true;
}

Limit Expansion::total(const LinearForm& terms) {
  Limit sum = limit(0);
  for (const auto& [source, term] : terms) sum = sum + norm_of(term) * bounds_[source];
  return sum;
}

// |M|: of a composed map that is not too large by a proof of its own.
Limit Expansion::norm_of(const Term& term) {
  Limit norm = term.size;
  if (term.parts > 1 && is_small(term)) norm = lesser(norm, norms_.of(term.map));
  return norm + term.slack;
}

bool Expansion::is_small(const Term& term) const {
  if (term.map == nullptr) return true;
  constexpr std::int64_t kMostParts = 200;
  const Shape shape = term.map->shape();
  return term.parts <= kMostParts && std::min(shape.rows, shape.columns) <= join_up_to_ && shape.rows <= kMostFormed &&
         shape.columns <= kMostFormed && shape.rows * shape.columns <= kMostFormed;
}

const std::optional<Expansion::Split>& Expansion::split_of(Index function) {
  const auto found = splits_.find(function);
  if (found != splits_.end()) return found->second;
  return splits_.emplace(function, made(graph_.nodes[function])).first->second;
}

std::optional<Expansion::Split> Expansion::made(const graph::Node& function) const {
  const auto& elementwise = std::get<graph::Elementwise>(function.operation);
  const auto slopes = entry_slopes(elementwise, boxes_[function.inputs[0]]);
  if (!slopes || slopes->empty()) return std::nullopt;
  std::vector<double> middles;
  std::vector<double> halves;
  Split split;
  for (const graph::Interval& each : *slopes) {
    const double middle = each.least / 2 + each.greatest / 2;
    const bool is_one_number = each.least == each.greatest;
    middles.push_back(middle);
    halves.push_back(is_one_number ? 0 : graph::up(std::max(each.greatest - middle, middle - each.least)));
    if (std::fabs(middle) > std::fabs(split.middle)) split.middle = middle;
    split.half = std::max(split.half, halves.back());
  }
  split.middles = diagonal_of(middles);
  split.halves = diagonal_of(halves);
  return split;
}

}  // namespace sigmax::lipschitz
