// Gradients of all norms in norms/table.hpp, with respect to a stored matrix or to the parameters of any operator.
//
// A norm f(A) that depends on singular values has the gradient sum_i w_i u_i v_i^T, where w_i is the derivative of f
// with respect to sigma_i; for a norm of entries the gradient is the matrix of its derivatives. With respect to A:
//
//   Frobenius         A / |A|_F                                     unique except at A = 0
//   Entrywise p > 1   sign(a_ij) (|a_ij| / |A|_p)^(p-1)             unique except at A = 0
//   Entrywise 1       sign(a_ij)                                    unique if no entry is 0
//   MaxAbs            sign(a_ij) at the largest |a_ij|, else 0      unique if one is largest
//   ColumnSum         sign(a_ij) in the largest column, else 0      unique if one is largest and has no zeros
//   RowSum            the same for rows
//   Spectral          u_1 v_1^T                                     unique if sigma_1 > sigma_2
//   Ky Fan k          sum_{i<=k} u_i v_i^T                          unique if sigma_k > sigma_{k+1} (at k = min: > 0)
//   Schatten p > 1    sum_i (sigma_i / |A|_Sp)^(p-1) u_i v_i^T      unique except at A = 0 (p infinite: Spectral)
//   nuclear           sum_{sigma_i > 0} u_i v_i^T                   unique at full rank
//   Ky Fan k, p > 1   sum_{i<=k} (sigma_i / |A|)^(p-1) u_i v_i^T    as Ky Fan k, and where sigma_k = 0 < |A|
//   Mixed p, q        that of each line times (n_j / |A|)^(q-1)     as those of the lines; at q = 1 if no line is 0
//   Induced p, q      z x^T of the best vector found                never claimed
//   NumericalRadius   Re(e^{it} conj(x) x^T) of the vector found    unique if one angle and one eigenvalue reach it
//   SmallestSingular  u_n v_n^T, n = min(rows, columns)             unique if sigma_{n-1} > sigma_n > 0
//
// n_j is the p-norm of a line, and of a mixed norm with infinite q only the longest line counts. Induced norms from 1
// or to infinity are mixed norms, and from 2 to 2 Spectral (norms::simplified).
//
// Where the gradient is not unique, the result is an element of the subdifferential: sign(0) = 0; the mean over the
// entries, rows or columns that tie; the triplets that the solver found for equal singular values; nothing for
// directions of value 0 (the zero matrix: 0). It is a subgradient, f(B) >= f(A) + <G, B - A>. The smallest sums and
// SmallestSingular are not convex; for them it is an element of Clarke's generalized gradient. Every function here is
// Lipschitz, so one always exists. (Watson, Characterization of the subdifferential of some matrix norms, Linear
// Algebra Appl. 170, 1992; Lewis, The convex analysis of unitarily invariant matrix functions, J. Convex Analysis 2,
// 1995.)
//
// Values count as equal if they differ by less than possible rounding, 4 max(rows, columns) u relative to the largest.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/norm_gradient.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::grad {

using norms::GradientKind;
using norms::message;
using norms::NormGradient;

struct NormVjpOptions {
  double scale = 1;  ///< the derivative of the loss with respect to the norm
  /// Tolerance of the vectors, as in Accuracy::vectors: |A^T u - sigma v| over sigma_1. Empty: 1e-13 for double, 1e-6
  /// for float.
  std::optional<double> tolerance{};
  std::int64_t max_products = 10000;
  std::optional<RandomState> random{};  ///< of the solver, as SvdOptions::random
};

/// grad += scale * df/dA, `grad` row-major as the tensor's shape (whatever its strides), of any real storage type.
/// Everything is computed in double and rounded to T once.
///
/// Cost: two or three reads of A and one read and write of grad for norms of entries; two solves for a few triplets for
/// Spectral and Ky Fan (one finds the triplets, the other finds what the first may have missed: the second copy of a
/// multiple value); a full decomposition for Schatten with p neither 2 nor infinite; and inverse Lanczos for the
/// smallest. The bits are the same for any number of threads. Throws Error if the tensor is not a matrix of a real
/// type, is empty, has NaN or infinite entries, or if grad does not fit; for p < 1 or k out of range.
template <Real T>
NormGradient norm_vjp(const Tensor& matrix, const norms::Norm& which, const NormVjpOptions& options, std::span<T> grad,
                      Context& context);

/// As above, on all hardware threads.
template <Real T>
NormGradient norm_vjp(const Tensor& matrix, const norms::Norm& which, const NormVjpOptions& options,
                      std::span<T> grad) {
  Context context;
  return norm_vjp<T>(matrix, which, options, grad, context);
}

/// A norm's gradient with respect to A as a sum of outer products, scale included.
template <Real T>
struct NormCotangent {
  NormGradient norm;
  OuterSum<T> gradient;
};

/// The gradient of a norm of any operator with respect to A. One term for Spectral, k for Ky Fan, r for Frobenius of a
/// product of inner dimension r; min(rows, columns) terms, and the entries of A or a full decomposition, for Frobenius
/// of anything else, Schatten, and norms of entries.
///
/// Throws Error for an operator without entries or with products that are not finite, and in the cases above.
template <Real T>
NormCotangent<T> norm_cotangent(const LinearOperator<T>& a, const norms::Norm& which, const NormVjpOptions& options,
                                Context& context);

/// As above, on every hardware thread.
template <Real T>
NormCotangent<T> norm_cotangent(const LinearOperator<T>& a, const norms::Norm& which,
                                const NormVjpOptions& options = {}) {
  Context context;
  return norm_cotangent(a, which, options, context);
}

/// grad += scale * df/dtheta, theta the parameters of the operator: its pull_back of norm_cotangent().
template <Real T>
NormGradient norm_vjp(const LinearOperator<T>& a, const norms::Norm& which, const NormVjpOptions& options,
                      std::span<T> grad, Context& context);

/// As above, on all hardware threads.
template <Real T>
NormGradient norm_vjp(const LinearOperator<T>& a, const norms::Norm& which, const NormVjpOptions& options,
                      std::span<T> grad) {
  Context context;
  return norm_vjp<T>(a, which, options, grad, context);
}

}  // namespace sigmax::grad
