// What is reported about the gradient of a norm: its value, whether it is unique, and how far it is from a tie.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sigmax/svd/result.hpp"

namespace sigmax::norms {

/// What kind of derivative a gradient is.
enum class GradientKind {
  unique,       ///< the function is differentiable here
  subgradient,  ///< one of several, of a convex function
  generalized,  ///< one of several, of a function that is not convex
};

/// `gradient`, `subgradient (one of several)`, ...
std::string_view message(GradientKind kind);

struct NormGradient {
  double value = 0;  ///< of the norm: as norm() gives it
  GradientKind kind = GradientKind::unique;
  /// Distance from a tie: the difference of the two deciding values relative to the largest, such as
  /// (sigma_1 - sigma_2) / sigma_1. The gradient turns by about the relative change of A divided by this gap.
  std::optional<double> gap;
  std::string note;                            ///< where not unique: why, `sigma_1 = sigma_2`
  SvdOutcome outcome = SvdOutcome::converged;  ///< of the solver, where one was needed
};

/// Says what kind of element this is, and why.
void not_unique(NormGradient& norm, GradientKind kind, std::string note);

}  // namespace sigmax::norms
