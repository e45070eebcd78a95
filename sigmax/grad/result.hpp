// Shared by the derivatives of singular triplets: options, outcomes, and reports on the computation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/grad/solver.hpp"

namespace sigmax {

struct GradientOptions {
  GradientSolver solver = Auto{};
  /// Tolerance of the gradient's error, relative to its Frobenius norm, for the solver's part. The error of the
  /// triplets is added to that: their residual over the gap. Empty: 1e-10 in double, 1e-5 in float.
  std::optional<double> tolerance{};
  /// Products of a Gram operator with a vector, for each triplet.
  std::int64_t max_products = 10000;
};

enum class GradientOutcome {
  exact,            ///< closed form: no system was solved, because only values, or all triplets, were asked for
  converged,        ///< the tolerance is met
  subgradient,      ///< a value has no gradient because it is multiple or zero: a generalized gradient is given
  no_gap,           ///< vectors have no derivative because their value is multiple or zero: their part is left out
  out_of_products,  ///< max_products reached first: the best so far
};

/// What to try, in words.
std::string_view message(GradientOutcome outcome);

/// How the derivative was computed.
struct GradientReport {
  GradientOutcome outcome = GradientOutcome::exact;
  /// For each triplet: the distance of sigma_i from the nearest other known value, relative to sigma_1. The value below
  /// the k-th is the solver's own estimate of sigma_{k+1}, or the decomposition's. Zero for a value of zero. 1 if
  /// nothing is known.
  std::vector<double> gap;
  GradientSolver solver = Auto{};  ///< the solver that was used; Auto if none was needed
  std::int64_t iterations = 0;
  std::int64_t reads = 0;  ///< of the parameters of A
  double error = 0;        ///< the solver's estimated error, relative to the gradient
};

}  // namespace sigmax
