// The iteration, the options, the outcome and the result of a step of a singular state.
#pragma once

#include <cstdint>

#include "sigmax/nn/singular_state.hpp"

namespace sigmax::nn {

/// The kinds of step. With N(x) = x / max(|x|, epsilon):
///
///     u_first   u = N(W v),    v = N(W^T u)    torch.nn.utils.parametrizations.spectral_norm
///     v_first   v = N(W^T u),  u = N(W v)      torch.nn.utils.spectral_norm
///     lanczos   x = the leading Ritz vector of W^T W in the Krylov space of v, one dimension per step; u = N(W x),
///               v = N(W^T u). One step equals one of u_first; several are closer to the singular vectors than the same
///               number of u_first steps, with the same number of reads of W.
///
/// u_first and lanczos begin from v and do not use u, v_first begins from u and does not use v. Each step of u_first
/// and lanczos is one read of W from memory if W has one segment: W^T W v and W v are computed together. v_first takes
/// one more read than steps, as does u_first with several segments, whose products cannot be fused.
enum class Iteration : std::uint8_t { u_first, v_first, lanczos };

struct StepOptions {
  Iteration iteration = Iteration::u_first;
  std::int64_t steps = 1;  ///< 0: (u, v) is taken as it is, sigma = u^T W v in one read of W
  /// > 0: at most `steps` steps are made; they end once sigma has an estimated relative error of at most this, from the
  /// change of sigma in a step of power iteration, or from Lanczos's residual. This is an estimate, not a bound: for
  /// bounds see bounds/.
  double tolerance = 0;
  double epsilon = 1e-12;
  /// true: a state that is zero, not finite, not of unit length, or (steps = 0) of the wrong sign is repaired, and the
  /// step starts from the repaired state; false: the state is used as it is, as in PyTorch.
  bool repair = true;
  std::uint64_t seed = 0;         ///< of the vector that is drawn if neither u nor v can be used
  std::int64_t steps_drawn = 15;  ///< at least this many steps after that
};

enum class StepOutcome : std::uint8_t {
  done,         ///< the steps were made, or the tolerance met
  zero_weight,  ///< W v = 0 or W^T u = 0, as for W = 0: sigma = 0, and the state is unchanged
  not_finite,   ///< sigma is NaN or infinite: W has such entries, or overflows in T. The state is unchanged.
};

struct StepResult {
  double sigma = 0;  ///< u^T W v of the new state: at most sigma_max except for rounding
  StepOutcome outcome = StepOutcome::done;
  bool tolerance_met = false;  ///< false if no tolerance was given
  std::int64_t steps = 0;      ///< made
  std::int64_t reads = 0;      ///< of W
  StateRepair repair{};
};

}  // namespace sigmax::nn
