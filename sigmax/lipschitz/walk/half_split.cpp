#include "sigmax/lipschitz/walk/half_split.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <variant>

#include "sigmax/graph/ranges/interval.hpp"
#include "sigmax/lipschitz/walk/rule.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;

// Entries of a composed map that is formed: 128 MiB.
constexpr std::int64_t kMostEntries = std::int64_t{1} << 24;

class Joiner {
 public:
  Joiner(Index node, const Joint& joint, Norms& norms) : joint_(joint), norms_(norms), form_(joint.forms[node]) {}

  Limit bound() {
    Limit best = limit(0);
    for (const auto& [source, term] : form_) best = best + norm_of(term) * joint_.bounds[source];
    for (const Index z : split_sources()) best = lesser(best, split_from(z));
    return best;
  }

 private:
  struct Inner {
    Term map;  ///< A
    graph::Interval slopes;
  };

  // |M|: of a composed map that is not too large by a proof of its own.
  Limit norm_of(const Term& term) {
    Limit norm = term.size;
    if (term.parts > 1 && is_small(*term.map)) norm = lesser(norm, norms_.of(term.map));
    return norm + term.slack;
  }

  bool is_small(const LinearOperator<double>& a) const {
    const Shape shape = a.shape();
    return std::min(shape.rows, shape.columns) <= joint_.join_up_to && shape.rows <= kMostEntries &&
           shape.columns <= kMostEntries && shape.rows * shape.columns <= kMostEntries;
  }

  // The node z that a function's argument is a linear map of.
  std::optional<Index> argument_of(Index source) const {
    const graph::Node& node = joint_.graph.nodes[source];
    if (!std::holds_alternative<graph::Elementwise>(node.operation)) return std::nullopt;
    const LinearForm& inside = joint_.forms[node.inputs[0]];
    return inside.size() == 1 ? std::optional(inside.begin()->first) : std::nullopt;
  }

  std::set<Index> split_sources() const {
    std::set<Index> all;
    for (const auto& [source, term] : form_) {
      if (const auto z = argument_of(source)) all.insert(*z);
    }
    return all;
  }

  // (|M + sum m_k B_k A_k| + sum h_k |B_k| |A_k|) L(z), and the terms that do not come from z.
  Limit split_from(Index z) {
    std::vector<Term> center;
    Limit spread = limit(0);
    Limit rest = limit(0);
    const std::int64_t order = joint_.graph.nodes[z].size();
    for (const auto& [source, term] : form_) {
      if (source == z) {
        center.push_back(term);
      } else if (argument_of(source) == z) {
        const graph::Node& node = joint_.graph.nodes[source];
        const auto slopes = slopes_of(std::get<graph::Elementwise>(node.operation), joint_.boxes[node.inputs[0]]);
        if (!slopes) return std::nullopt;
        const Term& inner = joint_.forms[node.inputs[0]].begin()->second;
        const double middle = slopes->least / 2 + slopes->greatest / 2;
        const double half = graph::up(std::max(slopes->greatest - middle, middle - slopes->least));
        const Term through = term * inner;
        if (through.map != nullptr && !is_small(*through.map)) return std::nullopt;
        if (middle != 0) center.push_back(scaled(middle, through, order));
        spread = spread + limit(half) * norm_of(term) * norm_of(inner);
      } else {
        rest = rest + norm_of(term) * joint_.bounds[source];
      }
    }
    const Limit joined = center.empty() ? limit(0) : norm_of(sum_of(center, order));
    return (joined + spread) * joint_.bounds[z] + rest;
  }

  const Joint& joint_;
  Norms& norms_;
  const LinearForm& form_;
};

}  // namespace

Limit joined_bound(Index node, const Joint& joint, Norms& norms) { return Joiner(node, joint, norms).bound(); }

}  // namespace sigmax::lipschitz
