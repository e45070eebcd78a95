// The Lipschitz constant of a whole network, enclosed: the least of what the proven methods give, and a lower bound.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/bounds/layered_network.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/domain.hpp"
#include "sigmax/lipschitz/lmi/lmi.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "sigmax/lipschitz/walk.hpp"

namespace sigmax::lipschitz {

struct NetworkBoundOptions {
  WalkOptions walk{};
  /// Whether the matrix inequality is used, and how long its search may take.
  bool inequality = true;
  LmiOptions lmi{};
  /// Parts with a layer of more neurons, with more in all, or with more entries in their matrices, are left to the
  /// walk: a layer of n neurons costs about 20 n^3 flops and 4 n^2 doubles.
  std::int64_t widest_layer = 4096;
  std::int64_t most_neurons = 20000;
  std::int64_t most_entries = std::int64_t{1} << 27;
  /// A chain of convolutions is bounded by frequency (docs/lipschitz-convolutions.md). Up to so many neurons it is
  /// bounded without the symmetry as well, and the lesser bound counts; LmiEffort::high does so up to `most_neurons`.
  std::int64_t dense_up_to = 1100;
  /// Whether two inputs are searched for that show how large the constant is at least.
  bool lower = true;
  LowerOptions lower_search{};  ///< in the norm of `walk`
  /// Whether parts keep what others need to check their bounds: the matrices of their layers. On the whole space it is
  /// about slopes that hold for all arguments; where the bound used more, that takes a second search.
  bool keep_proofs = false;
};

/// What a part's bound follows from.
struct PartProof {
  LayeredNetwork network;
  NetworkMultipliers multipliers;  ///< with values: the inequality shows `bound`
  double bound = 0;                ///< of `network`, by the inequality
  double row_error = 0;            ///< the part's constant is at most 1 + row_error times the network's
};

/// A part of the network, bounded by itself: what follows `from` up to `to`.
struct PartBound {
  std::optional<graph::Index> from;  ///< nothing: the inputs
  graph::Index to = 0;
  std::optional<UpperBound> bound;
  std::optional<LmiSearch> search;  ///< nothing: the walk
  std::int64_t neurons = 0;
  std::string why;  ///< in words, why the inequality was not used or gave nothing; empty if it did
  double seconds = 0;
  /// With NetworkBoundOptions::keep_proofs, and where the part has the form of layers of neurons.
  std::shared_ptr<const PartProof> proof{};
};

struct NetworkEnclosure {
  /// The least of the bounds below; missing if none exists: see `walk.refused`.
  std::optional<UpperBound> upper;
  std::string method;  ///< which of them: `walk`, `inequality`
  Walk walk;
  double walk_seconds = 0;
  /// The product over the parts. Missing where a part has no bound, or `inequality` is off.
  std::optional<UpperBound> inequality;
  std::vector<PartBound> parts;
  /// Missing where it was not asked for, and where a node is refused.
  std::optional<Lower> lower;
  double lower_seconds = 0;
};

/// Bounds |f(x) - f(y)| / |x - y| over all x, y of the domain, f from all inputs one after another to all outputs one
/// after another, in the norm of options.walk. The inequality is about the Euclidean one and is left out in others.
///
/// The graph is cut at the nodes that every way passes (graph/part.hpp). Chains of convolutions, functions of single
/// entries and maximum pooling, and the dense layers behind them, are bounded by frequency. Other parts made of linear
/// maps and functions of single entries are bounded by the matrix inequality of docs/lipschitz.md, neighboring ones
/// together; the others by the walk; and the product bounds the whole. The upper end is the lesser of that and the walk
/// over the whole graph.
///
/// Cost: that of walk(), lmi_bound() and lower_bound(). Throws Error for a domain or a graph that does not fit,
/// Canceled on request. A network without a bound is data.
NetworkEnclosure network_bound(const graph::Graph& graph, const Domain& domain, const NetworkBoundOptions& options,
                               Context& context);
NetworkEnclosure network_bound(const graph::Graph& graph, const Domain& domain = Everywhere{},
                               const NetworkBoundOptions& options = {});

}  // namespace sigmax::lipschitz
