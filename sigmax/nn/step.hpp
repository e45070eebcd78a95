// What a step of a singular state is asked and what it answers: iteration, options, outcome, result.
#pragma once

#include <cstdint>

#include "sigmax/nn/singular_state.hpp"

namespace sigmax::nn {

/// What a step does. With N(x) = x / max(|x|, epsilon):
///
///     u_first   u = N(W v),    v = N(W^T u)    torch.nn.utils.parametrizations.spectral_norm
///     v_first   v = N(W^T u),  u = N(W v)      torch.nn.utils.spectral_norm
///     lanczos   x = the leading Ritz vector of W^T W in the Krylov space of v, one dimension a step; u = N(W x),
///               v = N(W^T u). One step is one of u_first; more are closer to the singular vectors than as many of
///               u_first, at the same number of reads of W.
///
/// u_first and lanczos begin from v and do not use u, v_first begins from u and does not use v. Each step of u_first
/// and lanczos is one read of W from memory if it has one segment: W^T W v and W v come together. v_first takes one
/// read more than it takes steps, as does u_first with several segments, whose products cannot be fused.
enum class Iteration : std::uint8_t { u_first, v_first, lanczos };

struct StepOptions {
  Iteration iteration = Iteration::u_first;
  std::int64_t steps = 1;  ///< 0: (u, v) is taken as it is, sigma = u^T W v in one read of W
  /// > 0: `steps` are the most that are made; fewer once sigma has an estimated relative error of at most this, by the
  /// change of sigma in a step of power iteration, or by Lanczos's residual. An estimate, not a bound: bounds/ has
  /// those.
  double tolerance = 0;
  double epsilon = 1e-12;
  /// A state that is zero, not finite, not of unit length, or (steps = 0) of the wrong sign is repaired and the step
  /// taken from there; false: it is used as it is, as PyTorch does.
  bool repair = true;
  std::uint64_t seed = 0;         ///< of what is drawn where neither u nor v can be used
  std::int64_t steps_drawn = 15;  ///< at least so many steps after that
};

enum class StepOutcome : std::uint8_t {
  done,         ///< the steps were made, or the tolerance met
  zero_weight,  ///< W v = 0 or W^T u = 0, as of W = 0: sigma = 0, and the state is what it was
  not_finite,   ///< sigma is NaN or infinite: W holds such, or overflows in T. The state is what it was.
};

struct StepResult {
  double sigma = 0;  ///< u^T W v of the new state: at most sigma_max but for rounding
  StepOutcome outcome = StepOutcome::done;
  bool tolerance_met = false;  ///< false where none was given
  std::int64_t steps = 0;      ///< made
  std::int64_t reads = 0;      ///< of W
  StateRepair repair{};
};

}  // namespace sigmax::nn
