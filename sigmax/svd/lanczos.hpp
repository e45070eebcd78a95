// The Lanczos process on a symmetric positive semidefinite operator, for its largest eigenpair.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/recurrence.hpp"

namespace sigmax {

/// z = C x for a symmetric positive semidefinite C.
using SymmetricProduct = std::function<void(std::span<const double> x, std::span<double> z)>;

struct LanczosOptions {
  /// Stop when the estimated error of the largest eigenvalue, relative to it, is at most this. The estimate is
  /// r^2 / gap, r the residual |C x - theta x| and gap the distance to the next Ritz value, or r if that is less.
  double tolerance = 1e-12;
  std::int64_t max_products = 2000;  ///< of C with a vector
  std::int64_t basis = 160;          ///< vectors kept before a restart from the best one
  RandomState random{};              ///< the start vector is drawn from it
};

/// How the process ended.
enum class LanczosOutcome {
  converged,
  invariant_subspace,  ///< the Krylov space is exhausted: theta is exact but for rounding (with probability 1)
  out_of_products,     ///< max_products reached first: theta is still a lower bound, the vector the best so far
};

struct LanczosResult {
  double theta = 0;            ///< the largest Ritz value: at most lambda_max but for rounding
  std::vector<double> vector;  ///< its Ritz vector, of norm 1
  double residual = 0;         ///< |C x - theta x| as the recurrence gives it
  std::int64_t products = 0;
  LanczosOutcome outcome = LanczosOutcome::converged;
  LanczosRecurrence recurrence;
  RandomState random{};  ///< for the next call
};

/// The largest eigenpair of C, of order n, with full reorthogonalisation.
///
/// Memory: basis + 3 vectors. Cost: one product a step, and 4 n j flops of orthogonalisation in step j. Throws Error if
/// n is not positive, Cancelled on request. Source: Lanczos 1950; Parlett, The Symmetric Eigenvalue Problem, ch. 13.
LanczosResult lanczos(std::int64_t n, const SymmetricProduct& product, const LanczosOptions& options, Context& context);

}  // namespace sigmax
