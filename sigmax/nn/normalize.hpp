// Spectral normalization: a step of the state (u, v), and the weight divided by its largest singular value.
//
// Miyato, Kataoka, Koyama, Yoshida: Spectral normalization for generative adversarial networks, ICLR 2018. W is divided
// by sigma = u^T W v, where (u, v) is a state that follows the leading singular vectors while W is trained: a step or
// two of power iteration each time. normalize_vjp.hpp has the gradients, normalize_layers.hpp processes all layers of a
// model at once.
//
// Products are summed in T, float or double; norms and sigma are computed in double. f32, f16 and bf16 weights usually
// use T = float, f64 weights require T = double. All functions give the same bits for any number of threads. Below
// about 2^17 entries they run on the calling thread and, for at most 2048 rows and columns, use no heap memory.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/nn/step.hpp"
#include "sigmax/nn/weight.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::nn {

/// Steps the state (u, v) in place, u of `rows` and v of `columns()` entries. sigma agrees with PyTorch's to the
/// rounding of T. A zero weight and a weight that is not finite leave the state unchanged, so that training can recover
/// from both. Throws Error if a size does not fit (singular_state.hpp draws new vectors), the steps are negative,
/// epsilon is not positive, or W is f64 and T float; Canceled on request.
template <Real T>
StepResult step(const Weight& weight, const StepOptions& options, std::span<T> u, std::span<T> v, Context& context);

/// As above, for any operator: a convolution, W + B A, a product.
template <Real T>
StepResult step(const LinearOperator<T>& weight, const StepOptions& options, std::span<T> u, std::span<T> v,
                Context& context);

/// The factor of the weight as a function of sigma. `scale` is an additional factor, which may be learned:
///
///     divide   f = scale target / sigma               W f has the norm scale target
///     at_most  f = scale min(1, target / sigma)       unchanged if its norm is at most the target
///
/// sigma = 0 gives f = scale for both, with derivative 0: W = 0 stays 0, and its gradient passes through. At the kink
/// sigma = target, at_most has the derivative of the branch that leaves the weight unchanged: 0, which is one of its
/// subgradients. NaN gives NaN.
struct Rule {
  enum class Kind : std::uint8_t { divide, at_most };
  Kind kind = Kind::divide;
  double target = 1;
  double scale = 1;
};

/// f(sigma) and its derivative, used by the gradients.
struct Factor {
  double value = 1;
  double first = 0;
};

/// Throws Error unless the target is positive and finite.
Factor factor(const Rule& rule, double sigma);

/// out = f W, each entry of f W rounded to T's product and to the storage type. One read of W and one write. `out` may
/// be W's own memory. Throws Error if shapes or types differ.
void scale_weight(const Weight& weight, double factor, const WeightOutput& out, Context& context);

}  // namespace sigmax::nn
