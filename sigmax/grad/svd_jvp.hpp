// Forward-mode derivatives of the largest singular triplets of an operator.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/grad/svd_tangent.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// The derivative of the k triplets in a direction. With P = U^T dA V,
///
///     dsigma_i = P_ii,   du_i = sum_j alpha_ji u_j + a_i,   dv_i = sum_j beta_ji v_j + b_i   over j != i, j <= k,
///     alpha_ji = (sigma_i P_ji + sigma_j P_ij) / (sigma_i^2 - sigma_j^2),  beta_ji with sigma_i and sigma_j exchanged,
///     [sigma_i, -A; -A^T, sigma_i] [a_i; b_i] = [dA v_i; dA^T u_i] on the complement of U and V.
///
/// The adjoint of svd_vjp, with the same conditions, outcomes (`subgradient` for values: the one-sided derivatives
/// differ), accuracy, cost and errors. All derivatives are solved for, if k < min(rows, columns).
template <Real T>
SvdJvp<T> svd_jvp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdTangent<T>& tangent,
                  const GradientOptions& options, Context& context);

/// As above, in the direction of an operator of A's shape: its products with U and V are computed here.
template <Real T>
SvdJvp<T> svd_jvp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const LinearOperator<T>& direction,
                  const GradientOptions& options, Context& context);

/// As above, on all hardware threads.
template <Real T>
SvdJvp<T> svd_jvp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdTangent<T>& tangent,
                  const GradientOptions& options = {}) {
  Context context;
  return svd_jvp(a, triplets, tangent, options, context);
}
template <Real T>
SvdJvp<T> svd_jvp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const LinearOperator<T>& direction,
                  const GradientOptions& options = {}) {
  Context context;
  return svd_jvp(a, triplets, direction, options, context);
}

}  // namespace sigmax
