// Spectral normalization: a step of the state (u, v), and the weight over its largest singular value.
//
// Miyato, Kataoka, Koyama, Yoshida: Spectral normalization for generative adversarial networks, ICLR 2018. W is divided
// by sigma = u^T W v, where (u, v) is a state that follows the leading singular vectors while W is trained: a step or
// two of power iteration each time. normalize_vjp.hpp has the gradients, normalize_layers.hpp the layers of a model at
// once.
//
// T, float or double, is what products are summed in; norms and sigma are formed in double. f32, f16 and bf16 weights
// are usually worked on in float, f64 weights must be in double. All functions give the same bits for any number of
// threads; below about 2^17 entries they run on the calling thread and, for at most 2048 rows and columns, take no
// memory from the heap.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/nn/singular_state.hpp"
#include "sigmax/nn/weight.hpp"
#include "sigmax/ops/linear_operator.hpp"

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

/// The steps of the state (u, v), in place, u of `rows` and v of `columns()` entries. sigma agrees with PyTorch's to
/// the rounding of T. Neither a zero weight nor one that is not finite touches the state, so that training can leave
/// both. Throws Error if a size does not fit (singular_state.hpp draws new vectors), the steps are negative, epsilon is
/// not positive, or W is f64 and T float; Cancelled on request.
template <Real T>
StepResult step(const Weight& weight, std::span<T> u, std::span<T> v, const StepOptions& options, Context& context);

/// The same for any operator: a convolution, W + B A, a product.
template <Real T>
StepResult step(const LinearOperator<T>& weight, std::span<T> u, std::span<T> v, const StepOptions& options,
                Context& context);

/// What the weight is multiplied by, as a function of sigma. `scale` is a factor on top, which may be learned:
///
///     divide   f = scale target / sigma               W f has the norm scale target
///     at_most  f = scale min(1, target / sigma)       left alone where its norm is at most the target
///
/// sigma = 0 gives f = scale for both, and no derivative: W = 0 stays 0, and its gradient passes. At the kink
/// sigma = target at_most has the derivative of the branch that leaves the weight alone, 0, one of its subgradients.
/// NaN gives NaN.
struct Rule {
  enum class Kind : std::uint8_t { divide, at_most };
  Kind kind = Kind::divide;
  double target = 1;
  double scale = 1;
};

/// f(sigma) and its first two derivatives: the gradients are made of them.
struct Factor {
  double value = 1;
  double first = 0;
  double second = 0;
};

/// Throws Error unless the target is positive and finite.
Factor factor(const Rule& rule, double sigma);

/// out = f W, each entry of f W rounded to T's product and to the storage type. One read of W, one write. `out` may be
/// W's own memory. Throws Error if shapes or types differ.
void scale_weight(const Weight& weight, double factor, const WeightOutput& out, Context& context);

extern template StepResult step<float>(const Weight&, std::span<float>, std::span<float>, const StepOptions&, Context&);
extern template StepResult step<double>(const Weight&, std::span<double>, std::span<double>, const StepOptions&,
                                        Context&);
extern template StepResult step<float>(const LinearOperator<float>&, std::span<float>, std::span<float>,
                                       const StepOptions&, Context&);
extern template StepResult step<double>(const LinearOperator<double>&, std::span<double>, std::span<double>,
                                        const StepOptions&, Context&);

}  // namespace sigmax::nn
