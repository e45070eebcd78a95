// Linear systems and least squares: how well x solves A y = b, how far it is from the solution, and how much of that is
// due to A. Tensors of any real storage type, read as the exact numbers that are stored.
//
// Backward error: the smallest relative change of A and b that makes x exact. Forward error: |x - y|. They are related
// by the condition number, but only to first order: see forward_error(). bounds/linear_system.hpp has the same for
// matrices in double, and states the theorems.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/bounds/least_squares.hpp"
#include "sigmax/bounds/linear_system.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::sensitivity {

/// Both backward errors of x, proven; |A|_2 is enclosed by certify() with these options. Throws Error for a tensor that
/// is not a matrix, an empty one, numbers that are NaN or infinite, and lengths that do not fit.
bounds::BackwardErrors backward_errors(const Tensor& a, std::span<const double> x, std::span<const double> b,
                                       const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
inline bounds::BackwardErrors backward_errors(const Tensor& a, std::span<const double> x, std::span<const double> b,
                                              const CertifyOptions& options = {}) {
  Context context;
  return backward_errors(a, x, b, options, context);
}

/// |b - A x| / (|A| |x| + |b|) of any operator, |A|_2 from svd(): one product, computed in T. No proof: for an x that
/// is accurate to rounding it is mostly rounding error of the product.
template <Real T>
double backward_error(const LinearOperator<T>& a, std::span<const T> x, std::span<const T> b, Context& context);

/// As above, on every hardware thread.
template <Real T>
double backward_error(const LinearOperator<T>& a, std::span<const T> x, std::span<const T> b) {
  Context context;
  return backward_error(a, x, b, context);
}

/// A proven bound of the error of x, entry by entry and in norm; missing if A cannot be shown to be nonsingular. Throws
/// Error as above, and for a matrix that is not square.
std::optional<bounds::SolutionError> solution_error(const Tensor& a, std::span<const double> x,
                                                    std::span<const double> b, Context& context);

/// As above, on every hardware thread.
inline std::optional<bounds::SolutionError> solution_error(const Tensor& a, std::span<const double> x,
                                                           std::span<const double> b) {
  Context context;
  return solution_error(a, x, b, context);
}

/// |x - y|_2 between |r| / sigma_max and |r| / sigma_min for r = b - A x, of any operator of full column rank that may
/// be formed (CertifyOptions::formed_up_to): for fewer columns than rows y is the solution if there is one. Without an
/// upper end if sigma_min may be 0. The rounding of forming A counts: |r| is known to about n u |A| |x|. Entry by
/// entry, or for an operator with an opaque part, the error needs the entries: materialize() makes a stored matrix of
/// it by min(rows, columns) products with a vector, in rows x columns words of T. This function does not do so unasked,
/// because the bound would leave out the rounding of those products. Throws Error for those, for lengths that do not
/// fit, numbers that are not finite, fewer rows than columns, and where A and b are further apart than the range of
/// double.
template <Real T>
Enclosure solution_error(const LinearOperator<T>& a, std::span<const double> x, std::span<const double> b,
                         const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
Enclosure solution_error(const LinearOperator<T>& a, std::span<const double> x, std::span<const double> b,
                         const CertifyOptions& options = {}) {
  Context context;
  return solution_error(a, x, b, options, context);
}

/// Correct decimal digits of x, -log10 of the bound of its relative error in the 2-norm: at least this many, except for
/// the rounding of the logarithm. 0 without a bound below 1; infinite for an error of 0.
double reliable_digits(const std::optional<bounds::SolutionError>& error);

/// Skeel's condition numbers, both ends proven; x may be empty. They depend on the magnitudes of the entries of A, so
/// other operators have to be made stored matrices first (materialize()). Missing if A cannot be shown to be
/// nonsingular.
std::optional<bounds::SkeelNumbers> skeel(const Tensor& a, std::span<const double> x, Context& context);

/// As above, on every hardware thread.
inline std::optional<bounds::SkeelNumbers> skeel(const Tensor& a, std::span<const double> x) {
  Context context;
  return skeel(a, x, context);
}

/// Bounds of the relative error for any solver with known backward errors: (A + E) x = b + f with |E| <= of_matrix |A|
/// and |f| <= of_data |b|, A y = b, and kappa an enclosure of the condition number in the same norm.
struct ForwardError {
  /// |x - y| / |y| <= kappa (of_matrix + of_data) / (1 - kappa of_matrix). Without an upper end unless kappa of_matrix
  /// < 1: then A + E may be singular. kappa (of_matrix + of_data) alone is not a bound: A = 1, E = -1/2 gives an error
  /// of 1.
  Enclosure over_solution;
  /// |x - y| / |x| <= kappa of_matrix + |A^-1| |f| / |x|, with |A^-1| |b| of_data / |x| <= kappa of_data ratio, where
  /// ratio is at least |b| / (|A| |x|): exact without a denominator.
  Enclosure over_computed;
};

/// `ratio` is at least |b| / (|A| |x|); 0: (1 + of_matrix) / (1 - of_data), which always is. Throws Error for errors
/// that are negative or not finite, and for of_data >= 1 without a ratio.
ForwardError forward_error(const Enclosure& kappa, double of_matrix, double of_data, double ratio = 0);

/// The backward error of a least-squares solution: see bounds/least_squares.hpp. Without theta, b does not change.
bounds::LeastSquaresBackwardError least_squares_backward_error(const Tensor& a, std::span<const double> x,
                                                               std::span<const double> b, const CertifyOptions& options,
                                                               Context& context);

/// As above, on every hardware thread.
inline bounds::LeastSquaresBackwardError least_squares_backward_error(const Tensor& a, std::span<const double> x,
                                                                      std::span<const double> b,
                                                                      const CertifyOptions& options = {}) {
  Context context;
  return least_squares_backward_error(a, x, b, options, context);
}

bounds::LeastSquaresBackwardError least_squares_backward_error(const Tensor& a, std::span<const double> x,
                                                               std::span<const double> b, double theta,
                                                               const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
inline bounds::LeastSquaresBackwardError least_squares_backward_error(const Tensor& a, std::span<const double> x,
                                                                      std::span<const double> b, double theta,
                                                                      const CertifyOptions& options = {}) {
  Context context;
  return least_squares_backward_error(a, x, b, theta, options, context);
}

/// The sensitivity of least squares, min |A x - b|, to relative changes in the 2-norm, to first order (Trefethen and
/// Bau, theorem 18.1; those of A are attained up to a factor of sqrt 2). Computed in double from the SVD of A: no
/// proof.
struct LeastSquaresCondition {
  double kappa = 0;               ///< sigma_1 / sigma_n
  double eta = 0;                 ///< |A| |x| / |A x|, from 1 to kappa
  double cosine = 0;              ///< |A x| / |b|, the cosine of the angle theta between b and the range of A
  double fit_by_data = 0;         ///< b -> A x: 1 / cos theta
  double solution_by_data = 0;    ///< b -> x: kappa / (eta cos theta)
  double fit_by_matrix = 0;       ///< A -> A x: kappa / cos theta
  double solution_by_matrix = 0;  ///< A -> x: kappa + kappa^2 tan theta / eta
};

/// Infinite members where A has no full column rank to rounding, or b is orthogonal to its range. Throws Error if the
/// matrix has fewer rows than columns, b = 0, and as above. Cost: the SVD of A with vectors.
LeastSquaresCondition least_squares_condition(const Tensor& a, std::span<const double> b, Context& context);

/// As above, on every hardware thread.
inline LeastSquaresCondition least_squares_condition(const Tensor& a, std::span<const double> b) {
  Context context;
  return least_squares_condition(a, b, context);
}

/// Gradient descent on a strongly convex quadratic x^T H x / 2 - b^T x with kappa = lambda_max(H) / lambda_min(H), for
/// least squares the square of kappa(A): the error |x_k - x| is multiplied by at most this in each step. The intervals
/// belong to the ends of kappa; the rate is 1 where kappa has no upper end.
struct GradientDescent {
  Enclosure optimal_step;   ///< (kappa - 1) / (kappa + 1), step 2 / (lambda_max + lambda_min)
  Enclosure safe_step;      ///< 1 - 1 / kappa, step 1 / lambda_max, which needs no lambda_min
  Enclosure with_momentum;  ///< (sqrt(kappa) - 1) / (sqrt(kappa) + 1): heavy ball, asymptotically
  /// Steps of the first kind that shrink the error by 10: log(10) / -log(rate) at the upper end of kappa. Computed.
  double steps_per_digit = 0;
};
GradientDescent gradient_descent(const Enclosure& kappa);

/// kappa of H + ridge I for a symmetric positive semidefinite H with eigenvalues from `smallest` to `largest`: (largest
/// + ridge) / (smallest + ridge). For A^T A + ridge I these are squares of singular values. It says nothing about an
/// indefinite H: diag(1, -1) + 1.2 I has 11, not 1.83; see ridge_condition_of_symmetric(). Throws Error for a ridge
/// that is negative or not finite.
Enclosure ridge_condition(const Enclosure& largest, const Enclosure& smallest, double ridge);

/// max |lambda_i + ridge| / min |lambda_i + ridge| for eigenvalues of any sign, each within `radius` of its value: the
/// condition number of H + ridge I in the 2-norm. Without an upper end if H + ridge I may be singular. Throws Error for
/// no eigenvalues or numbers that are not finite.
Enclosure ridge_condition_of_symmetric(std::span<const double> eigenvalues, double radius, double ridge);

}  // namespace sigmax::sensitivity
