// A lower bound of a network's Lipschitz constant: two inputs, and how far the network moves them apart.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/domain.hpp"
#include "sigmax/lipschitz/vector_norm.hpp"

namespace sigmax::lipschitz {

struct LowerOptions {
  VectorNorm norm = VectorNorm::two;
  int starts = 8;                       ///< points that a search begins at, the domain's center first
  int steps = 100;                      ///< moves of a search from one of the better points
  std::optional<RandomState> random{};  ///< of the points; empty: drawn
  /// About the operations that it may take, ten seconds' on two cores: of a network whose evaluations take more, fewer
  /// starts, then fewer steps and fewer distances of the two points are tried. One search without moves, 44
  /// evaluations, is made in any case.
  double most_flops = 3e11;
};

/// |f(x) - f(y)| >= bound |x - y| for these two points of the domain: proven, the rounding of both evaluations and
/// of the differences included (graph/ranges.hpp). Anybody can evaluate f at both and see.
struct Lower {
  LowerBound bound;
  std::vector<double> x;
  std::vector<double> y;
};

/// The greatest quotient that a search found. It looks for points with a large Jacobian norm (steep_points.hpp): power
/// iterations on J^T J there (for the other norms Boyd's power method, which never falls), steps along the derivative
/// of u^T J v with kinks spread over a width that shrinks, and at the end a climb by small moves. The quotient is then
/// taken over steps along v, so that no kink makes it false.
///
/// Cost: about 200 evaluations and 6 a step for each start, at most `most_flops`. Throws Error for a domain that does
/// not fit, options that are not positive, and a node that is refused (graph::evaluate).
Lower lower_bound(const graph::Graph& graph, const Domain& domain, const LowerOptions& options, Context& context);
Lower lower_bound(const graph::Graph& graph, const Domain& domain, const LowerOptions& options = {});

/// The proven quotient of two points: at least 0, and 0 if they are equal or the evaluation has no bound on its error.
LowerBound difference_quotient(const graph::Graph& graph, const std::vector<double>& x, const std::vector<double>& y,
                               VectorNorm norm, Context& context);
LowerBound difference_quotient(const graph::Graph& graph, const std::vector<double>& x, const std::vector<double>& y,
                               VectorNorm norm = VectorNorm::two);

}  // namespace sigmax::lipschitz
