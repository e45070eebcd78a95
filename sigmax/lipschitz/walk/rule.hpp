// The constant of one operation as a function of its inputs. Internal to lipschitz/.
#pragma once

#include <string>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {

/// |dy| <= sum factor_k |dx_k|, or, if the inputs' shares of y are separate, |dy| <= the norm of (factor_k |dx_k|)_k.
/// Without factors, the operation has no bound.
struct Rule {
  std::vector<Limit> factors{};
  bool separate = false;
  std::string reason{};  ///< why there is none
  bool needs_bounded_domain = false;
};

/// What a rule may use of the nodes before it.
struct Known {
  const graph::Graph& graph;
  const std::vector<graph::Box>& boxes;  ///< that the values lie in
  const std::vector<Limit>& sizes;       ///< bounds of the values' Euclidean norms, if that is the norm
  const std::vector<bool>& moves;        ///< whether a value depends on the input
};

/// The rule of a node that is not an Input.
Rule rule_of(graph::Index node, const Known& known, Norms& norms);

/// For each entry all difference quotients of its function for arguments in its interval; nothing if one is not
/// Lipschitz there.
std::optional<std::vector<graph::Interval>> entry_slopes(const graph::Elementwise& elementwise, const graph::Box& x);

/// A bound of the Euclidean norm of a node's value, from its box and the sizes of its inputs. Missing in other norms.
Limit size_of(graph::Index node, const Known& known, Norms& norms);

// Cases with sources of their own.
Rule rule_of(const graph::MatrixProduct& product, const graph::Node& node, const Known& known, VectorNorm norm);
Rule rule_of(const graph::Standardization& standardization, Norms& norms);
Rule rule_of(const graph::LocalResponse& response, VectorNorm norm);
Rule rule_of(const graph::Recurrence& recurrence, const graph::Box& x, Norms& norms);

}  // namespace sigmax::lipschitz
