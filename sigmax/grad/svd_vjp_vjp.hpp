// Second derivatives of the largest singular triplets: the derivative of svd_vjp.
#pragma once

#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/result.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/ops/cotangent.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

template <Real T>
struct SvdVjpVjp {
  OuterSum<T> cotangent;      ///< with respect to A, at most 6 k terms
  std::vector<double> sigma;  ///< with respect to xi: dsigma_i in the direction H
  Matrix<T> u;                ///< with respect to phi: du in the direction H
  Matrix<T> v;                ///< with respect to psi: dv in the direction H
  GradientReport report;
};

/// The gradient of <G, H>, G = svd_vjp(A; xi, phi, psi), for a fixed direction H of A's shape, with respect to A and to
/// (xi, phi, psi): reverse mode through svd_vjp. H is an operator: dense(), low_rank(), anything with products.
///
/// <G, H> is the derivative of xi^T sigma + <phi, u> + <psi, v> in the direction H. So its gradient with respect to
/// (xi, phi, psi) is svd_jvp(A; H); and with respect to A, since second derivatives are symmetric, it is the derivative
/// of G in the direction H with (xi, phi, psi) held fixed: a Hessian times a vector. For a loss L(sigma, u, v) whose
/// (xi, phi, psi) move with A, add svd_vjp of their derivatives.
///
/// Three solves with the matrices of svd_vjp, or one for values alone. Conditions and outcomes are those of svd_vjp and
/// svd_jvp; the derivative grows as 1 / gap for values, as 1 / gap^2 for vectors. It has the units of 1 / sigma^2:
/// beyond sigma_1 = 1e+-150 it is out of range. Cost: in addition to the solves, one product of H with 2 k vectors and
/// one of H^T with 2 k vectors. Throws Error as svd_vjp does, and if the shape of H differs from that of A.
template <Real T>
SvdVjpVjp<T> svd_vjp_vjp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                         const LinearOperator<T>& direction, const GradientOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
SvdVjpVjp<T> svd_vjp_vjp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                         const LinearOperator<T>& direction, const GradientOptions& options = {}) {
  Context context;
  return svd_vjp_vjp(a, triplets, cotangent, direction, options, context);
}

}  // namespace sigmax
