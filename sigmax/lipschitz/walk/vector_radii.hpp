// How large the vectors of a value are, and how far from each other: what attention is bounded by. Internal to
// lipschitz/.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/walk/norms.hpp"
#include "sigmax/lipschitz/walk/rule.hpp"
#include "sigmax/lipschitz/walk/token_map.hpp"

namespace sigmax::lipschitz {

/// Of the vectors v_j of one matrix, in the Euclidean norm, for all values of the network's inputs.
struct Radii {
  Limit size{};    ///< at least each |v_j|
  Limit spread{};  ///< at least each |v_j - c| for some c, the same for all j
};

class VectorRadii {
 public:
  /// `bounds`: from the network's inputs; `at_center`, boxes of the values at the center of a ball of this radius that
  /// holds the domain: empty if there is none. All are read for nodes up to the one that is asked about.
  VectorRadii(const Known& known, const std::vector<Limit>& bounds, const std::vector<graph::Box>& at_center,
              double radius, Norms& norms);

  /// For each matrix of the layout: the least of what the box says, the distance from the center, a normalization, and
  /// for a linear map of the tokens of a node before it |W| times their radii.
  std::vector<Radii> of(graph::Index node, const VectorLayout& layout);

  /// The value of `node` as a map of the tokens of `source`, and its blocks. Nothing if it is not of this kind.
  struct Blocks {
    TokenMap map;
    TokenBlocks blocks;
  };
  std::optional<Blocks> blocks(graph::Index source, graph::Index node, const VectorLayout& layout);

  /// The node, and those before it as far as Affine nodes lead.
  std::vector<graph::Index> chain(graph::Index node) const;

 private:
  std::vector<Radii> direct(graph::Index node, const VectorLayout& layout);

  const Known& known_;
  const std::vector<Limit>& bounds_;
  const std::vector<graph::Box>& at_center_;
  double radius_;
  Norms& norms_;
};

/// The same of all vectors in a box.
Radii radii_of_box(const graph::Box& x, const VectorLayout& layout, std::int64_t b);

}  // namespace sigmax::lipschitz
