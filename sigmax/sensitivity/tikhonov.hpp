// Tikhonov regularization: x(lambda) minimizes |A x - b|^2 + lambda^2 |x|^2, and how lambda may be chosen.
//
// Plain numbers in double, no proof. In terms of A = sum sigma_i u_i v_i^T and c = U^T b, with the filter factors
// f_i = sigma_i^2 / (sigma_i^2 + lambda^2):
//
//     x(lambda) = sum f_i c_i / sigma_i v_i,    b - A x = sum (1 - f_i) c_i u_i + (b - U c).
//
// lambda has the unit of A: the ridge of the normal equations is lambda^2.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::sensitivity {

struct TikhonovSolution {
  double lambda = 0;
  std::vector<double> x;
  double residual_norm = 0;       ///< |A x - b|
  double solution_norm = 0;       ///< |x|
  std::vector<double> filter;     ///< f_i, by descending sigma_i: from 1 (kept) to 0 (damped)
  double degrees_of_freedom = 0;  ///< sum f_i, the trace of A (A^T A + lambda^2 I)^-1 A^T
  /// For the problem that is solved, [A; lambda I]: sqrt((sigma_1^2 + lambda^2) / (sigma_n^2 + lambda^2)), sigma_n = 0
  /// for fewer rows than columns; infinite for lambda = 0 and a value of 0. The normal equations have its square. For a
  /// bidiagonalization, of the restricted problem.
  double effective_condition = 0;
};

/// A value of lambda that a rule proposes.
struct Chosen {
  double lambda = 0;
  double value = 0;  ///< of the rule's function: |r| for the discrepancy, G for GCV, the curvature for the L-curve
};

/// The decomposition of one problem, for any number of values of lambda: each costs a product with V.
class Tikhonov {
 public:
  /// From the SVD of a stored matrix. Throws Error for a tensor that is not a matrix, an empty one, b of another length
  /// than its rows, and numbers that are NaN or infinite. Cost: the SVD with vectors.
  Tikhonov(const Tensor& a, std::span<const double> b, Context& context);

  /// As above, on every hardware thread.
  Tikhonov(const Tensor& a, std::span<const double> b) : Tikhonov(a, b, *std::make_unique<Context>()) {}

  /// From `steps` of Golub-Kahan bidiagonalization of any operator, started with b and fully reorthogonalized:
  /// everything below is that of the problem restricted to the Krylov space K(A^T A, A^T b), which is LSQR with damping
  /// and the same x for every lambda at once. It stops early if the space is invariant: then x is exact except for
  /// rounding. optimality() tells whether there were enough steps. Cost: two products a step, and (rows + columns)
  /// steps numbers. Throws Error for b of another length, steps < 1, products or numbers that are not finite; Canceled
  /// on request.
  template <Real T>
  Tikhonov(const LinearOperator<T>& a, std::span<const T> b, std::int64_t steps, Context& context);

  /// As above, on every hardware thread.
  template <Real T>
  Tikhonov(const LinearOperator<T>& a, std::span<const T> b, std::int64_t steps)
      : Tikhonov(a, b, steps, *std::make_unique<Context>()) {}

  /// Throws Error for a lambda that is negative or not finite. Singular values of at most max(m, n) u sigma_1 count as
  /// 0: lambda = 0 gives the least-squares solution of least norm.
  TikhonovSolution solve(double lambda) const;

  /// |A^T (b - A x) - lambda^2 x| / (sigma_1 |b|) of solve(lambda) for the whole operator: 0 for a stored matrix,
  /// except for rounding. From the recurrence, without a product.
  double optimality(double lambda) const;

  /// Morozov's discrepancy principle: the lambda with |A x - b| = noise, the largest whose residual is no larger.
  /// Assumes that |e| <= noise is known for the errors e in b. Missing if no lambda has that residual: noise is below
  /// the residual of least squares, or at least |b| (then x = 0 fits).
  std::optional<Chosen> by_discrepancy(double noise) const;

  /// The minima of G(lambda) = |A x - b|^2 / (m - sum f_i)^2, the least first, m the number of rows: generalized cross
  /// validation. Assumes white noise in b of unknown size; fails for correlated noise, and its minimum may be flat.
  /// For a bidiagonalization, values that it has not found count as f_i = 0. Searched from the
  /// least sigma_i that is not 0 to 10 sigma_1; empty if there is no minimum within.
  std::vector<Chosen> by_gcv() const;

  /// The corners of the L-curve (log |A x - b|, log |x|): all maxima of its curvature in the same range, the largest
  /// first. A maximum that is not positive is not a corner. Assumes that errors in b dominate on one side of the corner
  /// and the bias on the other, and that the solution is not too smooth. As the noise goes to 0, the corner does not go
  /// to the best lambda. Several maxima are common, so all are reported.
  std::vector<Chosen> by_l_curve() const;

  std::span<const double> sigma() const noexcept { return sigma_; }

 private:
  // Everything below is in units of powers of two in which sigma_1 and |b| are around 1, and so are the functions.
  struct Norms {
    double residual = 0;
    double solution = 0;
  };
  double filter(std::size_t i, double l) const;
  double damping(std::size_t i, double l) const;  // 1 - f_i without cancellation
  double component(std::size_t i, double l) const;
  Norms norms(double l) const;
  double gcv(double l) const;
  double gcv_slope(double l) const;
  double curvature(double l) const;
  std::vector<double> grid() const;
  double scaled(const char* who, double lambda) const;
  void take(const Matrix<double>& u, std::vector<double> sigma, std::span<const double> b);

  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  std::int64_t exponent_of_a_ = 0;
  std::int64_t exponent_of_b_ = 0;
  std::vector<double> sigma_;   // in the caller's units
  std::vector<double> scaled_;  // sigma
  std::vector<double> c_;       // U^T b
  double outside_ = 0;          // |b - U c|
  Matrix<double> v_;
  // For a bidiagonalization: alpha_{k+1}, and the last components of the left vectors of the bidiagonal matrix and of b
  // - U c in their basis.
  double next_ = 0;
  std::vector<double> last_;
  double outside_last_ = 0;
};

/// The smallest number of steps, up to `most`, with which optimality(lambda) <= tolerance: steps are doubled, each
/// trial from the beginning. The result may miss the tolerance; its optimality() says so.
template <Real T>
Tikhonov tikhonov_to_tolerance(const LinearOperator<T>& a, std::span<const T> b, double lambda, double tolerance,
                               std::int64_t most, Context& context);

/// As above, on every hardware thread.
template <Real T>
Tikhonov tikhonov_to_tolerance(const LinearOperator<T>& a, std::span<const T> b, double lambda, double tolerance,
                               std::int64_t most) {
  Context context;
  return tikhonov_to_tolerance(a, b, lambda, tolerance, most, context);
}

}  // namespace sigmax::sensitivity
