// The numerical radius w(A) = max |x* A x| over complex x of length 1: the largest modulus in the field of values of a
// square matrix. |A|/2 <= w(A) <= |A|, w(A) >= the largest |eigenvalue|, and |A^k| <= 2 w(A)^k.
#pragma once

#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/norm_gradient.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

/// A point of the field of values of largest modulus that was found, and how unique it is.
struct RadiusPoint {
  NormGradient norm;       ///< value: |x* A x|; gap: from the next eigenvalue of Re(e^{it} A), relative to the value
  double angle = 0;        ///< t in [0, pi] with e^{it} x* A x = w; -t belongs to the conjugate of x
  std::vector<double> re;  ///< x = re + i im, of length 1
  std::vector<double> im;
};

/// w(A) = max_t h(t), h(t) the largest eigenvalue of the Hermitian matrix Re(e^{it} A), a symmetric matrix of order 2
/// n. h is sampled at equal angles, its best maxima are refined by the root of h', and level sets decide whether a
/// larger one exists (Mengi and Overton, IMA J. Numer. Anal. 25, 2005; Mitchell, SIAM J. Matrix Anal. Appl. 44, 2023):
/// the angles with h(t) = r are eigenvalues e^{it} of z^2 A - 2 r z + A^T on the unit circle. Above order 128 four
/// times as many samples replace them. The value is a lower end whatever was missed.
///
/// Cost: 25 eigenvalue problems of order 2 n, or 97; about 10 for each refined maximum; a generalized eigenvalue
/// problem of order 2 n for each level. Throws Error unless the operator is square, and as norm() does.
template <Real T>
RadiusPoint numerical_radius_point(const LinearOperator<T>& a, Context& context);

/// As above, on every hardware thread.
template <Real T>
RadiusPoint numerical_radius_point(const LinearOperator<T>& a) {
  Context context;
  return numerical_radius_point(a, context);
}

RadiusPoint numerical_radius_point(const Tensor& matrix, Context& context);

/// As above, on every hardware thread.
inline RadiusPoint numerical_radius_point(const Tensor& matrix) {
  Context context;
  return numerical_radius_point(matrix, context);
}

/// The value with its enclosure, both ends proven (bounds/numerical_radius.hpp: the quotient of x, and Ando's matrix);
/// if a larger maximum was missed, they are apart. Sums and products of stored matrices are formed, up to
/// CertifyOptions::formed_up_to entries, and the rounding of their entries moves the ends outward. For an operator with
/// an opaque part, or a larger one, the value is `computed` from rounded entries.
template <Real T>
NormResult numerical_radius(const LinearOperator<T>& a, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
NormResult numerical_radius(const LinearOperator<T>& a, const NormOptions& options = {}) {
  Context context;
  return numerical_radius(a, options, context);
}

NormResult numerical_radius(const Tensor& matrix, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
inline NormResult numerical_radius(const Tensor& matrix, const NormOptions& options = {}) {
  Context context;
  return numerical_radius(matrix, options, context);
}

}  // namespace sigmax::norms
