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
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/nn/step.hpp"
#include "sigmax/nn/weight.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::nn {

/// The steps of the state (u, v), in place, u of `rows` and v of `columns()` entries. sigma agrees with PyTorch's to
/// the rounding of T. Neither a zero weight nor one that is not finite touches the state, so that training can leave
/// both. Throws Error if a size does not fit (singular_state.hpp draws new vectors), the steps are negative, epsilon is
/// not positive, or W is f64 and T float; Canceled on request.
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

/// f(sigma) and its derivative: the gradients are made of them.
struct Factor {
  double value = 1;
  double first = 0;
};

/// Throws Error unless the target is positive and finite.
Factor factor(const Rule& rule, double sigma);

/// out = f W, each entry of f W rounded to T's product and to the storage type. One read of W, one write. `out` may be
/// W's own memory. Throws Error if shapes or types differ.
void scale_weight(const Weight& weight, double factor, const WeightOutput& out, Context& context);

}  // namespace sigmax::nn
