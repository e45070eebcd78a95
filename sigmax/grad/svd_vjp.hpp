// Reverse-mode derivatives of the largest singular triplets of an operator.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/result.hpp"
#include "sigmax/grad/svd_cotangent.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// The gradient of a loss with respect to A, from the gradient with respect to its k largest singular triplets.
/// `triplets` holds them: a result of svd(), or sigma, u, v (and next, if known) filled in by the caller. Let S = U^T
/// phi and R = V^T psi:
///
///     dL/dA = U (diag(xi) + C) V^T + sum_i p_i v_i^T + u_i q_i^T,
///     C_ji = (sigma_i (S_ji - S_ij) + sigma_j (R_ji - R_ij)) / (sigma_i^2 - sigma_j^2),   i != j <= k,
///     [sigma_i, -A; -A^T, sigma_i] [p_i; q_i] = [phi_i; psi_i] on the complement of U and V
///     (grad/systems/complement.hpp).
///
/// Conditions. sigma_i is differentiable where it is simple and not zero; then its gradient is u_i v_i^T, at no cost.
/// The vectors' gradient grows as 1 / gap: with the distance to sigma_{k+1} in p and q, and with the distances among
/// the k triplets in C. Multiple values after the k-th do not matter: with k = 1, diag(3, 1, 1) has a gradient.
/// Multiple values among the k do not matter if the loss depends only on their span (S + R symmetric there, as for
/// projectors): the parts that it does not depend on drop out. Otherwise `outcome` says no_gap, and the result is
/// finite and lacks the undefined parts: those of a pair in C, or p_i and q_i. For values alone with sigma_1 = sigma_2,
/// u_1 v_1^T is a subgradient of sigma_1, and outcome says so as far as the triplets show it (`next` gives
/// sigma_{k+1}).
///
/// Components of phi_i along u_i, and of psi_i along v_i, have no effect because vectors keep length one. The choice of
/// signs has no effect either, if phi and psi are the loss's derivatives at the given vectors.
///
/// Accuracy: options.tolerance, plus the error of the triplets: residual_i sigma_1 / gap for each, so ask svd() for
/// Accuracy::vectors. A triplet counts as having a gap if the gap is above its residual and above a few units of
/// rounding of sigma_1.
/// Cost: none for values alone. Otherwise that of the solver (grad/solver.hpp), one or two reads of A, and O((rows +
/// columns) k^2). Values may have any magnitude: A is scaled by a power of two if its squares are out of range, and the
/// weights of the cotangent compensate.
/// Throws Error if a shape does not fit, the triplets are not finite, or the tolerance is negative; Canceled on
/// request. The bits are the same for any number of threads.
template <Real T>
SvdVjp<T> svd_vjp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                  const GradientOptions& options, Context& context);

/// As above, on all hardware threads.
template <Real T>
SvdVjp<T> svd_vjp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                  const GradientOptions& options = {});

/// As above, pulled back: grad += dL/dtheta for the grad.size() parameters of A.
template <Real T>
GradientReport svd_vjp_into(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                            const GradientOptions& options, std::span<T> grad, Context& context);

/// As above, on all hardware threads.
template <Real T>
GradientReport svd_vjp_into(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                            const GradientOptions& options, std::span<T> grad) {
  Context context;
  return svd_vjp_into<T>(a, triplets, cotangent, options, grad, context);
}

}  // namespace sigmax
