// Regularizers for training: value and (sub)gradient of a penalty on a weight matrix. docs/regularizers.md has the
// formulas, the conditions for a unique gradient, and the costs; nn/proximal.hpp has the proximal maps.
#pragma once

#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/nn/penalty.hpp"

namespace sigmax::nn {

/// The value f(W), and grad += scale * df/dW, `grad` row-major as the weight's shape; with an empty `grad` only the
/// value. The weight is a matrix of any real storage type, read in place; Tensor::reshaped makes one of a convolution's
/// kernel. Everything is computed in double and rounded to T once.
///
///     |W|_F^2                  2 W
///     |G - I|_F^2              4 W (W^T W - I), or 4 (W W^T - I) W if the rows are the shorter side
///     |G - I|_2                2 sigma_1 u_1 v_1^T or -2 sigma_n u_n v_n^T; unique unless the two ends tie, or
///                              the deciding value is multiple and not 0
///     a norm                   as grad/norm_vjp.hpp
///
/// The penalties of G are not convex: if it is not unique, the gradient is `generalized`. Values beyond the range of
/// double become infinite.
///
/// Cost: norms as grad/norm_vjp.hpp; |G - I|_F^2 one Gram matrix and one product of W with it, 4 m n min(m, n) flops
/// and W in double; |G - I|_2 the largest and the smallest triplets. The bits are the same for any number of threads.
/// Throws Error as norm_vjp() does.
template <Real T>
grad::NormGradient regularize(const Tensor& weight, const Penalty& penalty, const grad::NormVjpOptions& options,
                              std::span<T> grad, Context& context);

/// As above, on all hardware threads.
template <Real T>
grad::NormGradient regularize(const Tensor& weight, const Penalty& penalty, const grad::NormVjpOptions& options,
                              std::span<T> grad) {
  Context context;
  return regularize<T>(weight, penalty, options, grad, context);
}

}  // namespace sigmax::nn
