// What the derivatives of singular triplets share: options, outcomes, and what the computation has to say of itself.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sigmax/grad/solver.hpp"

namespace sigmax {

struct GradientOptions {
  GradientSolver solver = Auto{};
  /// Of the error of the gradient, relative to its Frobenius norm, as far as the solver makes it: what the triplets are
  /// wrong by comes on top, their residual over the gap. 0: 1e-10 in double, 1e-5 in float.
  double tolerance = 0;
  /// Products of a Gram operator with a vector, for each triplet.
  std::int64_t max_products = 10000;
};

enum class GradientOutcome {
  exact,            ///< closed form: nothing was solved for, as values alone, or all triplets, were asked for
  converged,        ///< the tolerance is met
  subgradient,      ///< a value that has no gradient, as it is multiple or zero: a generalized gradient of it is given
  no_gap,           ///< vectors that have no derivative, as their value is multiple or zero: their part is left out
  out_of_products,  ///< max_products first: the best so far
};

/// What to try, in words.
std::string_view message(GradientOutcome outcome);

/// How the derivative came about.
struct GradientReport {
  GradientOutcome outcome = GradientOutcome::exact;
  /// Of each triplet: the distance of sigma_i from the nearest other value that is known, relative to sigma_1; below
  /// the k-th the solver's own estimate of sigma_{k+1}, or the decomposition's. Zero for a value of zero. 1 where
  /// nothing is known.
  std::vector<double> gap;
  GradientSolver solver = Auto{};  ///< the one that was used; Auto if none was needed
  std::int64_t iterations = 0;
  std::int64_t reads = 0;  ///< of the parameters of A
  double error = 0;        ///< estimated, of the solver, relative to the gradient
};

}  // namespace sigmax
