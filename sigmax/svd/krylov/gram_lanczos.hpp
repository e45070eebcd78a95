// The Lanczos process on a symmetric positive semidefinite operator, for its largest eigenpairs. Internal to svd/.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

/// Z = C X for a symmetric positive semidefinite C: a few columns, most often one.
template <Real T>
using SymmetricProduct = std::function<void(MatrixView<const T> x, MatrixView<T> z)>;

/// Turns the question around: not the k largest eigenvalues, but whether any is larger than theta.
struct Ceiling {
  double theta = 0;
  /// Ritz values above it are wanted. It is at most theta: if rounding separates the two, nothing can be shown between
  /// them, but values may be found there.
  double wanted = 0;
  /// The probability, over the random start, with which the answer "no" may be wrong: the recurrences' Christoffel
  /// functions (svd/christoffel.hpp) have shown the answer. Empty: the answer "no" is a guess, after `products`
  /// products in which no Ritz value rose above theta.
  std::optional<double> failure_probability{};
  std::int64_t products = 0;
  std::int64_t terms = 0;  ///< as christoffel_upper_bound() takes them
  double magnitude = 0;
};

struct LanczosOptions {
  /// How many eigenpairs, theta = sigma^2 for C = A^T A, and how good they must be: Convergence::excess().
  Convergence convergence{.tolerance = 0.5e-12};
  std::int64_t max_products = 2000;     ///< of C with a vector
  std::optional<std::int64_t> basis{};  ///< vectors kept before a restart; empty: chosen from n and k
  std::int64_t apart = 1;               ///< least number of steps between checks of the Ritz values
  bool neighbors = false;               ///< whether LanczosResult::neighbors are wanted
  std::int64_t starts = 2;              ///< random vectors to begin with, where no start is given
  /// Eigenvalues above it are wanted, up to k of them; the process ends when those are good enough, or when none exist.
  std::optional<Ceiling> ceiling{};
  RandomState random{};  ///< source of the start, and of directions if a space is exhausted
};

/// How the process ended.
enum class LanczosOutcome {
  converged,
  invariant_subspace,  ///< the Krylov space is exhausted: exact except for rounding (with probability 1)
  out_of_products,     ///< max_products reached first: the values are still lower bounds, the vectors the best so far
};

template <Real T>
struct LanczosResult {
  std::vector<double> theta;     ///< the k largest Ritz values, descending: each at most the true one, up to rounding
  Matrix<T> vectors;             ///< n x k, orthonormal
  std::vector<double> residual;  ///< |C x_i - theta_i x_i| as the recurrence gives it
  std::optional<double> next;    ///< the Ritz value after theta_k, if there is one: for gaps
  /// If they were asked for: orthonormal Ritz vectors of the values after theta_k, descending, as many as C takes in
  /// one read, or fewer after a short process; their accuracy varies.
  Matrix<T> neighbors;
  std::int64_t products = 0;  ///< of C with a vector
  std::int64_t reads = 0;     ///< of C: one for up to 8 vectors together
  std::int64_t basis = 0;     ///< vectors kept before a restart
  LanczosOutcome outcome = LanczosOutcome::converged;
  std::vector<LanczosRecurrence> recurrences;  ///< of each start vector, where they were random
  /// With a ceiling: an upper bound on all eigenvalues, except with the failure probability. Infinite if nothing is
  /// known.
  double bound = std::numeric_limits<double>::infinity();
  /// That bound with the typical rounding of sums of that many terms, not the worst case.
  double likely_bound = std::numeric_limits<double>::infinity();
  RandomState random{};  ///< for the next call
};

/// The k largest eigenpairs of C, of order n, with full reorthogonalization and thick restart, in T; projected
/// quantities are in double.
///
/// `start` may hold columns to begin from (none: two vectors of independent standard normals); they are multiplied
/// together. With k > 1 and a random start, converged pairs are compared with the Krylov space of another random vector
/// before they are returned, since one Krylov space contains only one vector of a multiple eigenvalue.
///
/// Memory: basis + k + 16 vectors. Cost per step: one product, and one or two reads of the basis. Throws Error if n is
/// not positive, k is not in 1 ... n, or the start does not have n rows; NotFinite if a product is not finite (or its
/// square overflows); Canceled on request.
/// Source: Lanczos 1950; Wu and Simon, Thick-restart Lanczos method for large symmetric eigenvalue problems, SIAM J.
/// Matrix Anal. Appl. 22 (2000).
template <Real T>
LanczosResult<T> lanczos(std::int64_t n, const SymmetricProduct<T>& product, MatrixView<const T> start,
                         const LanczosOptions& options, Context& context);

}  // namespace sigmax
