#include "sigmax/lipschitz/walk/linear_form.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/diagonal.hpp"

namespace sigmax::lipschitz {
namespace {

// Forms with more terms, or of more operators, are not joined: their norms would not be found anyway.
constexpr std::size_t kMostTerms = 16;
constexpr std::int64_t kMostParts = 64;

Operator<double> operator_of(const Term& term, std::int64_t order) {
  return term.map != nullptr ? term.map : identity<double>(order);
}

}  // namespace

Limit bound_of(const Term& term) { return term.size + term.slack; }

// (L + E)(R + F) - L R = E R + L F + E F
Term operator*(const Term& left, const Term& right) {
  if (left.parts == 0) return right;
  if (right.parts == 0) return left;
  return {product(left.map, right.map), left.parts + right.parts, left.size * right.size,
          left.slack * right.size + left.size * right.slack + left.slack * right.slack};
}

Term scaled(double factor, const Term& term, std::int64_t order) {
  const Limit size = limit(std::fabs(factor));
  return {scaled(factor, operator_of(term, order)), term.parts + 1, size * term.size, size * term.slack};
}

Term sum_of(const std::vector<Term>& terms, std::int64_t order) {
  if (terms.size() == 1) return terms[0];
  std::vector<Operator<double>> maps;
  Term result{nullptr, 0, limit(0), limit(0)};
  for (const Term& term : terms) {
    maps.push_back(operator_of(term, order));
    result.parts += std::max<std::int64_t>(term.parts, 1);
    result.size = result.size + term.size;
    result.slack = result.slack + term.slack;
  }
  result.map = sum(std::move(maps));
  return result;
}

LinearForms::LinearForms(const graph::Graph& graph, const std::vector<bool>& moves, VectorNorm norm)
    : graph_(graph), moves_(moves), norm_(norm), forms_(graph.nodes.size()) {}

void LinearForms::add(graph::Index node, const Limit& norm) {
  std::optional<LinearForm> form = form_of(node, norm);
  if (form) {
    std::int64_t parts = 0;
    for (const auto& [source, term] : *form) parts += term.parts;
    if (form->size() > kMostTerms || parts > kMostParts) form.reset();
  }
  forms_[node] = form ? std::move(*form) : LinearForm{{node, Term{}}};
}

std::optional<LinearForm> LinearForms::form_of(graph::Index index, const Limit& norm) const {
  const graph::Node& node = graph_.nodes[index];
  if (const auto* const affine = std::get_if<graph::Affine>(&node.operation)) {
    if (!norm) return std::nullopt;
    const Term own{affine->map, 1, norm, norm * limit(affine->row_error)};
    LinearForm form;
    for (const auto& [source, term] : forms_[node.inputs[0]]) form.emplace(source, own * term);
    return form;
  }
  if (std::holds_alternative<graph::Sum>(node.operation)) {
    std::map<graph::Index, std::vector<Term>> terms;
    for (const graph::Index input : node.inputs) {
      if (!moves_[input]) continue;
      for (const auto& [source, term] : forms_[input]) terms[source].push_back(term);
    }
    LinearForm form;
    for (const auto& [source, all] : terms) form.emplace(source, sum_of(all, node.size()));
    return form;
  }
  if (std::holds_alternative<graph::Stack>(node.operation)) return stacked(node);
  return std::nullopt;
}

// Parts that all depend on one and the same node, with nothing constant among them.
std::optional<LinearForm> LinearForms::stacked(const graph::Node& node) const {
  std::optional<graph::Index> source;
  std::vector<Operator<double>> maps;
  Term result{nullptr, 0, limit(0), limit(0)};
  for (const graph::Index input : node.inputs) {
    if (!moves_[input] || forms_[input].size() != 1) return std::nullopt;
    const auto& [from, term] = *forms_[input].begin();
    if (source && *source != from) return std::nullopt;
    source = from;
    maps.push_back(operator_of(term, graph_.nodes[from].size()));
    result.parts += std::max<std::int64_t>(term.parts, 1);
    result.size = lipschitz::stacked(norm_, result.size, term.size);
    result.slack = lipschitz::stacked(norm_, result.slack, term.slack);
  }
  if (!source) return std::nullopt;
  result.map = stack_rows(std::move(maps));
  return LinearForm{{*source, std::move(result)}};
}

}  // namespace sigmax::lipschitz
