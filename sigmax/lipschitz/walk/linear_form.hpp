// A node as a sum of linear maps of other nodes: what lies between functions, joined. Internal to lipschitz/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {

/// A linear map that is known up to a change: the true one is `map` + E with |E| <= slack.
struct Term {
  Operator<double> map;    ///< null: the identity
  std::int64_t parts = 0;  ///< operators that it is composed of: 0 for the identity, 1 for a map of the graph
  Limit size = limit(1);   ///< a bound of |map| by the norms of its parts
  Limit slack = limit(0);
};

/// The bound of the true map's norm by its parts.
Limit bound_of(const Term& term);

Term operator*(const Term& left, const Term& right);
/// `order`: of the identities among them.
Term scaled(double factor, const Term& term, std::int64_t order);
Term sum_of(const std::vector<Term>& terms, std::int64_t order);

/// value = sum of term_s value_s + constant, over nodes s.
using LinearForm = std::map<graph::Index, Term>;

/// The forms of all nodes. A node that is not Affine, Sum or Stack, or whose form would have too many parts, stands for
/// itself.
class LinearForms {
 public:
  LinearForms(const graph::Graph& graph, const std::vector<bool>& moves, VectorNorm norm);

  /// Makes the form of a node, those before it being made. `norm`: of an Affine node's map.
  void add(graph::Index node, const Limit& norm);

  const LinearForm& operator[](graph::Index node) const { return forms_[node]; }

 private:
  std::optional<LinearForm> form_of(graph::Index node, const Limit& norm) const;
  std::optional<LinearForm> stacked(const graph::Node& node) const;
  const graph::Graph& graph_;
  const std::vector<bool>& moves_;
  VectorNorm norm_;
  std::vector<LinearForm> forms_;
};

}  // namespace sigmax::lipschitz
