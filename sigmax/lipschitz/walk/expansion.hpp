// Bounds of a node from its linear form, with functions split into a linear part and a rest. Internal to lipschitz/.
//
// For a function phi with slopes in [a_i, b_i] at entry i, m = (a + b) / 2 and h = (b - a) / 2,
//
//     phi(v) = diag(m) v + psi(v),   where psi has slopes in [-h_i, h_i].
//
// A node n = sum_s M_s s over nodes s of its linear form has L(n) <= sum_s |M_s| L(s). A function s = phi(v) among them
// may be split, with v = sum_r N_r r: M_s phi(v) = sum_r M_s diag(m) N_r r + M_s psi(v), so that M_s diag(m) N_r joins
// what leads from r already, and |M_s diag(h)| L(v) is added. Each sum that is reached by splitting functions from the
// last to the first is a bound.
//
// Split once, z + B phi(A z) gives |I + B diag(m) A| + |B diag(h)| |A|, the half-split of a residual block, and B phi(A
// z) gives (|B A| + |B| |A|) / 2 for a ReLU. Split throughout, a chain of layers has the bound of Fazlyab, Entesari,
// Roy, Chellappa: Certified robustness via dynamic margin maximization and improved Lipschitz regularization (NeurIPS
// 2023), the loop transformation. Where all slopes are known, at a single point, it is the norm of the Jacobian.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/walk/linear_form.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {

class Expansion {
 public:
  /// `boxes` and `bounds` (from the network's inputs) are read for nodes before the one that is asked about.
  /// `join_up_to`: the shorter side of a composed map whose norm is proven, at most. `most_splits`: of functions, for
  /// one node.
  Expansion(const graph::Graph& graph, const LinearForms& forms, const std::vector<graph::Box>& boxes,
            const std::vector<Limit>& bounds, std::int64_t join_up_to, std::int64_t most_splits, Norms& norms);

  /// The least bound of the node that a sum gives. Missing if none does.
  Limit bound(graph::Index node);

 private:
  /// diag(m) and diag(h); null where all entries are the same number, `middle` and `half` then.
  struct Split {
    Operator<double> middles;
    Operator<double> halves;
    double middle = 0;  ///< the greatest |m_i|
    double half = 0;    ///< the greatest h_i
  };
  const std::optional<Split>& split_of(graph::Index function);
  std::optional<Split> made(const graph::Node& function) const;

  bool replace(graph::Index function, LinearForm& terms, Limit& spread);
  Limit total(const LinearForm& terms);
  Limit norm_of(const Term& term);
  bool is_small(const Term& term) const;

  const graph::Graph& graph_;
  const LinearForms& forms_;
  const std::vector<graph::Box>& boxes_;
  const std::vector<Limit>& bounds_;
  std::int64_t join_up_to_;
  std::int64_t most_splits_;
  Norms& norms_;
  std::map<graph::Index, std::optional<Split>> splits_;
};

}  // namespace sigmax::lipschitz
