// Attention, softmax(D o Q K^T + M) V, on bounded queries, keys and values. Internal to lipschitz/.
//
// For one query with the weights p (p_j >= 0, sum 1) over the keys, C = diag(p) - p p^T, y = V^T p:
//
//     dy = dV^T p + V^T C ds,                ds_j = D_j (k_j . dq + q . dk_j) + dM_j
//
// C is the covariance matrix of a unit vector drawn with the probabilities p: 0 <= C, |C| <= 1/2, C 1 = 0. V^T C V is
// the covariance matrix of v_j drawn with these probabilities. It does not change if a constant c is taken off each
// v_j, so |C^(1/2) V|^2 is at most s_V^2 = the least of max |v_j - c|^2 and |V|^2 / 2. The same holds for K. With C =
// C^(1/2) C^(1/2) and |C^(1/2) z|^2 <= sum p_j z_j^2,
//
//     |V^T C ds|             <= s_V / sqrt 2 |ds|
//     |V^T C (K dq)|         <= s_V s_K |dq|
//     |V^T C (q . dk_j)_j|   <= s_V |q| sqrt(sum_j p_j |dk_j|^2)
//
// Over all queries, with dY, dQ, dK, dV in the Frobenius norm and k the greatest sum of a column of P (k <= queries):
//
//     |dY| <= |P| |dV| + s_V sqrt g |dS|                                                              (scores)
//     |dY| <= |P| |dV| + d s_V s_K |dQ| + d s_V min(sqrt k max |q_i|, sqrt g |Q|) |dK|                (queries, keys)
//
// for D = d. Where q_i = W_q x_i + b and k_j = W_k x_j + b' come from vectors x of one value, with B = W_k^T W_q and x
// in place of k in s_X:
//
//     |dY| <= |P| |dV| + d s_V (s_X |B| + sqrt k (|B| max |x_i| + |W_k^T b|)) |dX|                    (joint)
//
// For |x_i| <= R, V = X and no b this is |P| + d R^2 |B| (1 + sqrt k), at most sqrt n + R^2 |d B| (1 + sqrt n). Heads h
// put their results below each other: their shares that multiply |dX| add up in squares.
//
// Where D_j differs, D_j = d + e_j, s_K d becomes d s_K + max |k_j| sqrt(sum p_j e_j^2): D_j k_j is d k_j and a rest.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"
#include "sigmax/lipschitz/walk/rule.hpp"
#include "sigmax/lipschitz/walk/vector_radii.hpp"

namespace sigmax::lipschitz {

class AttentionBound {
 public:
  /// `bounds` from the network's inputs. `join_up_to`: the longest vectors whose maps W_k^T W_q are formed.
  AttentionBound(const Known& known, const std::vector<Limit>& bounds, std::int64_t join_up_to, VectorRadii& radii,
                 Norms& norms);

  /// The least of the bounds above from the network's inputs to a matrix product behind a softmax. Missing for other
  /// nodes, and where values are not bounded.
  Limit bound(graph::Index node);

  /// The box of a matrix product met with |x_i . y_j| <= |x_i| |y_j|.
  void meet(graph::Index node, graph::Box& box);

 private:
  /// d: `scale`; |e_j|: `most_rest`, and sqrt(sum p_j e_j^2) is at most `rest`.
  struct Scores {
    graph::Index product;
    Limit scale;
    Limit rest;
    Limit most;  ///< of |D_j|
  };
  std::optional<Scores> scores_of(graph::Index weights) const;
  Limit by_queries_and_keys(const graph::MatrixProduct& product, const Scores& scores);
  Limit jointly(const std::vector<Limit>& spreads, const Scores& scores);
  Limit jointly_from(graph::Index source, const std::vector<Limit>& spreads, const Scores& scores);

  const Known& known_;
  const std::vector<Limit>& bounds_;
  std::int64_t join_up_to_;
  VectorRadii& radii_;
  Norms& norms_;
  Limit columns_{};  ///< k of the node that is looked at
  Limit root_g_{};   ///< sqrt g
};

}  // namespace sigmax::lipschitz
