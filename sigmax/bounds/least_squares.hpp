// The backward error of an approximate least-squares solution, proven.
#pragma once

#include <limits>
#include <span>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// For any x, with r = b - A x: the least |[E, theta f]|_F such that x minimizes |(A + E) x - (b + f)| (Walden, Karlson
/// and Sun 1995):
///
///     optimal = min(phi, sigma_min([A, phi (I - r r^+)])),    phi = theta |r| / sqrt(1 + theta^2 |x|^2),
///
/// which is |r| / |x| for theta = infinity, where only A may change.
struct LeastSquaresBackwardError {
  /// Both ends proven. The width is that of the smallest singular value of an m x (m + n) matrix: where the error is
  /// below about 1e-8 of |A| the lower end may be 0.
  Enclosure optimal;
  /// Karlson and Walden 1997: phi |(A^T A + phi^2 I)^{-1/2} A^T r| / |r|, at most the optimal error and at least
  /// 1 / sqrt(2) of it, except for rounding (Gratton, Jiranek and Titley-Peloquin 2012). It is computed, not proven.
  double estimate = 0;
};

/// `a` is m x n with exact entries. Zero for r = 0; |A^T b| / |b| for x = 0 and an infinite theta.
/// Cost: m^2 (m + n) flops and m (m + n) doubles for the optimal error, 4 m n^2 for the estimate.
/// Throws Error for shapes that do not fit, an empty matrix, numbers that are NaN or infinite, theta <= 0, and an A and
/// a residual so far apart in size that no double holds phi / |A|.
LeastSquaresBackwardError least_squares_backward_error(const Matrix<double>& a, std::span<const double> x,
                                                       std::span<const double> b, double theta,
                                                       const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
inline LeastSquaresBackwardError least_squares_backward_error(const Matrix<double>& a, std::span<const double> x,
                                                              std::span<const double> b, double theta,
                                                              const CertifyOptions& options = {}) {
  Context context;
  return least_squares_backward_error(a, x, b, theta, options, context);
}

/// The estimate alone, for matrices too large for the other.
double karlson_walden(const Matrix<double>& a, std::span<const double> x, std::span<const double> b,
                      double theta = std::numeric_limits<double>::infinity());

}  // namespace sigmax::bounds
