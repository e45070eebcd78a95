// Bounds of a node from its linear form: joined maps, and functions between two of them. Internal to lipschitz/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/walk/linear_form.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"

namespace sigmax::lipschitz {

/// What the bounds of a linear form are made of.
struct Joint {
  const graph::Graph& graph;
  const LinearForms& forms;
  const std::vector<graph::Box>& boxes;
  const std::vector<Limit>& bounds;  ///< from the network's inputs to each node before
  std::int64_t join_up_to;           ///< the shorter side of a composed map whose norm is proven, at most
};

/// A bound of the node from the network's inputs: the lesser of sum_s |M_s| L(s) and the half-splits, for value =
/// sum_s M_s value_s. Missing if none of its nodes has one.
Limit joined_bound(graph::Index node, const Joint& joint, Norms& norms);

}  // namespace sigmax::lipschitz
