// Checks whether the k singular values of a triangular R that were found are its k smallest. Internal to svd/; callers
// hold a SerialBlas.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/checks/complement.hpp"
#include "sigmax/svd/krylov/gram_lanczos.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// Right singular vectors of R for its smallest values.
struct RightVectors {
  Matrix<double> v;  ///< orthonormal
  std::int64_t products = 0;
  SvdOutcome outcome = SvdOutcome::converged;
  RandomState random{};
};

/// X -> (R^T R)^-1 X. R must outlive it.
SymmetricProduct<double> inverse_product(const Matrix<double>& r);

/// What a check has shown.
struct CheckedSmallest {
  /// Lower bounds of the k smallest values, by descending size, except with the failure probability. Empty: not shown.
  std::vector<double> lower;
  std::int64_t joined = 0;  ///< values that were missing
};

/// The counterpart of check_complement() for the smallest values: Lanczos on (R'^T R')^-1 from fresh random vectors,
/// where R' is the factor of [R; tau V^T] and tau about |R|, until it is shown that no eigenvalue is larger than that
/// of the k-th value. Since R'^T R' = R^T R + tau^2 V V^T, a lower bound on how far R' shrinks vectors holds for R on
/// the complement of V. Vectors that are found join V. It reads the options convergence, failure_probability and
/// max_products. It changes `right`: vectors, products, random state, and the outcome if nothing could be shown.
///
/// Resolves values down to `formed`, and n u |R|: R differs by that much from the matrix that it was made from.
/// `largest` is |R| to a few digits.
CheckedSmallest check_smallest(const Matrix<double>& r, double largest, double formed, RightVectors& right,
                               const ComplementOptions& options, Context& context);

}  // namespace sigmax
