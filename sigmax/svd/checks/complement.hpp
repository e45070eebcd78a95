// Whether the k largest eigenvalues that were found are the k largest that there are: a Lanczos process from fresh
// random vectors on what the known eigenvectors leave of the operator. Internal to svd/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/krylov/gram_lanczos.hpp"

namespace sigmax {

struct ComplementOptions {
  Convergence convergence;  ///< how many pairs were found, and how good they and what joins them must be
  /// With which the answer that nothing is left may be wrong. Empty: a few steps, which find most of what was missed
  /// and show nothing.
  std::optional<double> failure_probability{};
  std::int64_t terms = 0;  ///< as christoffel_upper_bound() takes them
  double magnitude = 0;    ///< what products round relatively to, where that is more than the largest eigenvalue
  std::int64_t max_products = 0;
  RandomState random{};
};

template <Real T>
struct Complement {
  Matrix<T> vectors;          ///< Ritz vectors of all that is known, by descending value, orthonormal
  std::vector<double> theta;  ///< their values
  /// upper[i] for i < k: the i-th largest eigenvalue is no larger, except with the failure probability. Empty: not
  /// shown.
  std::vector<double> upper;
  bool confirmed = false;        ///< the upper ends are as close to theta as may be expected
  std::int64_t joined = 0;       ///< eigenvectors that were missing
  std::vector<double> rounding;  ///< of each theta, at most, to first order; upper has it added
  std::vector<double> noise;     ///< what rounding of each theta comes to in practice
  std::int64_t products = 0;
  std::int64_t reads = 0;
  RandomState random{};
};

/// C is symmetric positive semidefinite of order n. `known` holds the k eigenvectors found, and any further approximate
/// ones, which make the check cheaper: the better they are, the smaller is what is left of C.
///
/// Let V hold orthonormal columns, H = V^T C V, E = C V - V H, F = E^T E, and tau at least the largest eigenvalue of C
/// on the complement of V. For every eta > 0
///
///     lambda_i(C)  <=  max( lambda_i(H + F / eta),  tau + eta ),
///
/// since [eta^-1 E^T E, -E^T; -E, eta I] is positive semidefinite (docs/proofs.md). tau comes from the Christoffel
/// functions of the process, so that it fails only with the stated probability over its start; several rounds share it.
///
/// Cost: a product with all of `known`, and as many with two vectors as Lanczos takes to separate the k-th value from
/// the first that is not known. Throws as lanczos() does.
template <Real T>
Complement<T> check_complement(std::int64_t n, const SymmetricProduct<T>& product, const Matrix<T>& known,
                               const ComplementOptions& options, Context& context);

}  // namespace sigmax
