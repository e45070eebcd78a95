// Forward-mode derivatives of the largest singular triplets of an operator.
#pragma once

#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/result.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// A direction dA in which A moves, as far as k triplets see it.
template <Real T>
struct SvdTangent {
  Matrix<T> image;          ///< dA V, rows x k
  Matrix<T> adjoint_image;  ///< dA^T U, columns x k
};

template <Real T>
struct SvdJvp {
  std::vector<double> sigma;  ///< dsigma_i = u_i^T dA v_i
  Matrix<T> u;                ///< du, rows x k, u_i^T du_i = 0
  Matrix<T> v;                ///< dv, columns x k, v_i^T dv_i = 0
  GradientReport report;
};

/// The derivative of the k triplets in a direction. With P = U^T dA V,
///
///     dsigma_i = P_ii,   du_i = sum_j alpha_ji u_j + a_i,   dv_i = sum_j beta_ji v_j + b_i   over j != i, j <= k,
///     alpha_ji = (sigma_i P_ji + sigma_j P_ij) / (sigma_i^2 - sigma_j^2),  beta_ji with sigma_i and sigma_j exchanged,
///     [sigma_i, -A; -A^T, sigma_i] [a_i; b_i] = [dA v_i; dA^T u_i] on the complement of U and V.
///
/// The adjoint of svd_vjp, with the same conditions, outcomes (`subgradient` for values: the derivative from one side
/// is another), accuracy, cost and errors: all derivatives are solved for, if k < min(rows, columns).
template <Real T>
SvdJvp<T> svd_jvp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdTangent<T>& tangent,
                  const GradientOptions& options, Context& context);

/// The same in the direction of an operator of A's shape: its products with U and V are made here.
template <Real T>
SvdJvp<T> svd_jvp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const LinearOperator<T>& direction,
                  const GradientOptions& options, Context& context);

extern template SvdJvp<float> svd_jvp<float>(const LinearOperator<float>&, const SvdResult<float>&,
                                             const SvdTangent<float>&, const GradientOptions&, Context&);
extern template SvdJvp<double> svd_jvp<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                               const SvdTangent<double>&, const GradientOptions&, Context&);
extern template SvdJvp<float> svd_jvp<float>(const LinearOperator<float>&, const SvdResult<float>&,
                                             const LinearOperator<float>&, const GradientOptions&, Context&);
extern template SvdJvp<double> svd_jvp<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                               const LinearOperator<double>&, const GradientOptions&, Context&);

}  // namespace sigmax
