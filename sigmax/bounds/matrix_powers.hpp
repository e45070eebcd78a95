// Proven statements about the powers and the resolvent of a square matrix: |A^k| <= c rho^k from a Lyapunov matrix, and
// what one complex number and one vector show of |(z I - A)^-1|. A is a matrix of exact doubles between 1e-300 and
// 1e300.
#pragma once

#include <complex>
#include <optional>
#include <span>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// |A^k|_2 <= constant rate^k for k = 0, 1, 2, ...: every eigenvalue lies in the disk of that rate as well.
///
/// If P is positive definite and A^T P A <= rate^2 P, then x -> sqrt(x^T P x) shrinks by the rate in each step, and the
/// constant is sqrt(kappa(P)). Both inequalities are shown by one Cholesky factorization each, and the ends of kappa(P)
/// by another two; P may be any symmetric matrix of doubles, and its entries below the diagonal are not read. Missing
/// if one of them does not complete: P does not fit, the rate is not above the spectral radius, or the margin is
/// smaller than rounding.
///
/// Throws Error if the matrices are not square of the same order, are empty, or have entries that are NaN or infinite,
/// or if the rate is not positive and finite. Cost: 4 n^3 flops and four factorizations.
std::optional<UpperBound> power_constant(const Matrix<double>& a, const Matrix<double>& p, double rate,
                                         Context& context);

/// As above, on every hardware thread.
inline std::optional<UpperBound> power_constant(const Matrix<double>& a, const Matrix<double>& p, double rate) {
  Context context;
  return power_constant(a, p, rate, context);
}

/// |A|_2 of a square or any other matrix from above, proven, without a read beyond those of the Gram matrix: 0 for 0.
UpperBound two_norm_upper(const Matrix<double>& a, Context& context);

/// As above, on every hardware thread.
inline UpperBound two_norm_upper(const Matrix<double>& a) {
  Context context;
  return two_norm_upper(a, context);
}

/// |(z I - A)^-1|_2 >= |v| / |(z I - A) v| for any nonzero v: a proven lower end, the largest double if z is an
/// eigenvalue to rounding. Throws Error for shapes that do not fit, v = 0 and numbers that are not finite.
LowerBound resolvent_norm(const Matrix<double>& a, std::complex<double> z, std::span<const std::complex<double>> v);

/// sup_k |A^k| >= K >= (|z| - 1) |(z I - A)^-1| for |z| > 1, K the Kreiss constant of A: proven, from one z and one v.
/// 0 for |z| <= 1. Throws Error as above.
LowerBound kreiss_quotient(const Matrix<double>& a, std::complex<double> z, std::span<const std::complex<double>> v);

/// The pseudospectral radius max { |z| : |(z I - A)^-1| >= 1 / epsilon } is at least |z|, if v shows that z belongs to
/// the set: |(z I - A) v| <= epsilon |v|, rounding included. 0 if it does not show it. Throws Error as above, and if
/// epsilon is not positive.
LowerBound pseudospectral_point(const Matrix<double>& a, std::complex<double> z, double epsilon,
                                std::span<const std::complex<double>> v);

}  // namespace sigmax::bounds
