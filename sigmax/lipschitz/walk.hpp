// The walk over a network's graph: a proven bound of the Lipschitz constant from the inputs to each node, by a rule for
// each operation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/bounds/convolution_result.hpp"
#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/domain.hpp"
#include "sigmax/lipschitz/vector_norm.hpp"

namespace sigmax::lipschitz {

/// Proven norms of a graph's linear maps.
class KnownNorms;

struct WalkOptions {
  /// Of inputs and outputs.
  VectorNorm norm = VectorNorm::two;
  /// How the norms of linear maps are proven. Ends that are not theorems are not used.
  CertifyOptions certify{};
  /// How those of convolutions are, at their input size. They are many and large, so that less than the tightest
  /// theorem is enough.
  ConvolutionNormOptions convolution{.relative_width = 0.01, .most_flops = 1e11, .upper_alone = true};
  /// Linear maps with a shorter side of at most this are joined: what lies between two functions becomes one matrix,
  /// and functions are split into a linear part and a rest. 0: none.
  std::int64_t join_up_to = 2048;
  /// Functions that are split for the bound of one node, at most. Each takes a proof of a composed map, so that a chain
  /// of k layers takes about k times the lesser of this and k / 2.
  std::int64_t most_splits = 32;
  /// Of known_norms(), for several walks over one graph and parts of it. Empty: each walk proves its own.
  std::shared_ptr<const KnownNorms> known{};
};

/// The norms of the graph's linear maps in the norm of the options, as a walk proves them, for WalkOptions::known. The
/// result keeps the maps alive. Cost: one proof for each map. Throws Canceled on request.
std::shared_ptr<const KnownNorms> known_norms(const graph::Graph& graph, const WalkOptions& options, Context& context);
std::shared_ptr<const KnownNorms> known_norms(const graph::Graph& graph, const WalkOptions& options = {});

/// What the walk knows about one node.
struct Layer {
  graph::Index node = 0;
  std::string name;
  std::string operation;  ///< `Affine`, `Relu`, `Sum`
  Dimensions shape;
  /// The constant of the node alone, as a function of its inputs one after another. Missing: not bounded.
  std::optional<UpperBound> bound;
  /// The constant from the network's inputs to this node. Missing: this node or one before it is not bounded.
  std::optional<UpperBound> running;
};

/// A node without a bound.
struct Refusal {
  graph::Index node = 0;
  std::string name;
  std::string reason;                 ///< in words, to follow the name
  bool needs_bounded_domain = false;  ///< the rule has a bound where values are bounded, and they are not here
};

struct Walk {
  /// |f(x) - f(y)| <= bound |x - y| for all x, y of the domain. Missing: see `refused`.
  std::optional<UpperBound> bound;
  /// The same by the rules of single nodes alone: for a chain of layers the product of their norms.
  std::optional<UpperBound> product;
  std::vector<Layer> layers;     ///< nodes on the way from an input to an output, in the graph's order
  std::vector<Refusal> refused;  ///< nodes without a bound, except those that merely depend on others
  std::vector<std::string> assumptions;
  /// For each node what its value lies in on the domain. On a ball these are narrower than graph::ranges() finds: they
  /// use the bounds of this walk and the norms of rows.
  std::vector<graph::Box> boxes;
};

/// Bounds L(n) from the inputs to each node n. With M, A, B linear maps, phi a function with slopes in [a, b]:
///
///     M x + c             |M| L(x), |M| proven by sigma_max(), or the greatest column or row sum of |m_ij|
///     phi(x)              max |slope| L(x), slopes on the interval that x lies in
///     x + y               L(x) + L(y);  [x; y]: sqrt(L(x)^2 + L(y)^2);  max(x, y): the same
///     x y, x / y          from bounds on the values; refused where they are not bounded; matrix products alike
///     softmax             1/2, its logarithm sqrt n; a maximum, minimum or norm 1, sum |x_i| sqrt n
///     max pooling         sqrt(the most windows that an entry is in)
///     standardization     |diag(gain) (I - 1 1^T / n)| / sqrt(epsilon)
///     recurrences         sums over time (walk/recurrence.hpp)
///
/// and where maps are joined, for linear maps that lead from one node: the norm of their sum or product itself, and
/// functions split into a linear part and a rest (walk/expansion.hpp):
///
///     M z + B phi(A z)    (|M + m B A| + h |B| |A|) L(z),   m = (a + b) / 2, h = (b - a) / 2
///
/// over one function or several after each other. The least of the bounds of a node counts, so that the best
/// combination through the nodes that all ways pass is found.
///
/// These are the rules for the Euclidean norm; docs/lipschitz-walk.md has those for the two others.
///
/// The domain gives intervals of all values first (graph/ranges.hpp), each met with f(c) +- L R for a ball of radius R
/// around c, and for linear maps A y with f(c)_i +- |row i of A| L(y) R. Everywhere, values behind a normalization or a
/// bounded function are bounded too.
///
/// Cost: one proof for each linear map and, where joined, each composed one. Throws Error for a domain or a graph that
/// does not fit; a node without a bound is data.
Walk walk(const graph::Graph& graph, const Domain& domain, const WalkOptions& options, Context& context);
Walk walk(const graph::Graph& graph, const Domain& domain = Everywhere{}, const WalkOptions& options = {});

}  // namespace sigmax::lipschitz
