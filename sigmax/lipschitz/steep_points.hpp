// Points where a network's Jacobian is large. Searches: nothing is proven here. Internal to lipschitz/.
#pragma once

#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/region.hpp"
#include "sigmax/lipschitz/vector_norm.hpp"

namespace sigmax::lipschitz {

/// A point x, and what power iterations found of the Jacobian there: v of the norm 1 with |J v| = norm.
struct SteepPoint {
  std::vector<double> x;
  std::vector<double> v;
  double norm = 0;
};

/// Moves points of a region to where |J(x)| is larger.
class SteepSearch {
 public:
  /// All of these must outlive it.
  SteepSearch(const graph::Graph& graph, VectorNorm norm, Region& region, Context& context)
      : graph_(graph), norm_(norm), region_(region), context_(context) {}

  SteepPoint at(std::vector<double> x);

  /// Steps along the derivative of |J|, with slopes of kinks spread over a width (graph::bend) that shrinks as the
  /// steps do: first where many neurons would switch for the better, then the nearest ones. The steps may lead
  /// downhill; the steepest point of the path is kept. No steps, no change. Cost: about 6 evaluations a step and 61.
  void ascend(SteepPoint& point, int steps);

  /// Moves that are kept only if the norm grows, of a length that grows when they succeed and shrinks when they fail:
  /// along the derivative, along v, and at random. Cost: about 6 evaluations a step.
  void climb(SteepPoint& point, int steps);

  /// A better v for the same x: power iterations; in the 1-norm and the infinity-norm, where these may stop at a lesser
  /// maximum, the best column or row of the Jacobian if it has at most 64 rows. Cost: about 2 evaluations a step.
  void settle(SteepPoint& point, int steps = 30);

 private:
  struct Local {
    graph::Values values;
    std::vector<double> u;  ///< of the dual norm 1, u^T J v = |J v|
  };
  Local iterate(SteepPoint& point, int steps);
  std::vector<double> direction_at(const SteepPoint& point, const Local& local, double width);
  double size_at(const std::vector<double>& x);

  const graph::Graph& graph_;
  VectorNorm norm_;
  Region& region_;
  Context& context_;
};

}  // namespace sigmax::lipschitz
