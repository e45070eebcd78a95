// The linear systems for derivatives of singular vectors. Internal to grad/.
//
// For one of k known triplets of A, on the orthogonal complement of all k:
//
//     [ sigma_i  -A      ] [p]   [f]
//     [ -A^T     sigma_i ] [q] = [h],      U^T p = 0, V^T q = 0,
//
// symmetric, and positive definite if sigma_i > sigma_{k+1}: its eigenvalues are sigma_i -+ sigma_j for j > k.
// Eliminating one side leaves (sigma_i^2 - A^T A) q = sigma_i h + A^T f, p = (A q + f) / sigma_i, or the same with A^T.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/result.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// Several such systems with one A: column c belongs to triplet which[c].
template <Real T>
struct ComplementSystems {
  const LinearOperator<T>& a;  ///< in range: products can be squared
  std::span<const double> sigma;
  MatrixView<const T> u;       ///< rows x k
  MatrixView<const T> v;       ///< columns x k
  std::optional<double> next;  ///< an estimate of sigma_{k+1}, if there is one
  std::vector<std::int64_t> which;
  Matrix<T> f;  ///< rows x which.size(), orthogonal to U
  Matrix<T> h;  ///< columns x which.size(), orthogonal to V
  /// The squared norm of the rest of the derivative, for errors relative to the whole derivative.
  double known_squares = 0;
  /// A gap sigma_i - sigma_{k+1} of at most this counts as no gap.
  double no_gap = 0;
  /// Vectors of A's rows or columns, any number or none: useful if they are approximate singular vectors after the
  /// known ones (SvdState::neighbors).
  MatrixView<const T> neighbors{};
};

template <Real T>
struct ComplementSolution {
  Matrix<T> p;  ///< rows x which.size(), orthogonal to U
  Matrix<T> q;  ///< columns x which.size(), orthogonal to V
  /// An estimate of sigma_{k+1}, at most sigma_{k+1} for solvers that iterate.
  std::optional<double> next;
  std::vector<bool> has_gap;  ///< of each column; without a gap, p = q = 0
  bool converged = true;
  GradientSolver solver;
  std::int64_t iterations = 0;
  std::int64_t reads = 0;
  double error = 0;
};

/// GradientOptions::tolerance, or its default for T.
template <Real T>
double tolerance_of(const GradientOptions& options) {
  return options.tolerance.value_or(std::same_as<T, float> ? 1e-5 : 1e-10);
}

/// Solves with the given solver, which is not Auto if `which` is not empty.
template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>& systems, const GradientOptions& options, Context& context);

/// One function per solver.
template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>&, const ConjugateGradients&, const GradientOptions&, Context&);
template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>&, const DenseCholesky&, const GradientOptions&, Context&);
template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>&, const DenseBordered&, const GradientOptions&, Context&);
template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>&, const FullSvd&, const GradientOptions&, Context&);

/// X -= Q (Q^T X), the coefficients in double; Q has orthonormal columns.
template <Real T>
void project_away(MatrixView<const T> q, MatrixView<T> x);

}  // namespace sigmax
