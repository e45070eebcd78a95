// Checks whether the k eigenvalues that were found are the k largest: a Lanczos process from fresh random vectors on
// the complement of the known eigenvectors. Internal to svd/.
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
  Convergence convergence;  ///< how many pairs were found, and how good they and added pairs must be
  /// The probability with which the answer "nothing is left" may be wrong. Empty: only a few steps are made; they find
  /// most missed values and show nothing.
  std::optional<double> failure_probability{};
  std::int64_t terms = 0;  ///< as christoffel_upper_bound() takes them
  double magnitude = 0;    ///< what rounding of products is relative to, if more than the largest eigenvalue
  std::int64_t max_products = 0;
  RandomState random{};
};

template <Real T>
struct Complement {
  Matrix<T> vectors;          ///< Ritz vectors of everything known, by descending value, orthonormal
  std::vector<double> theta;  ///< their values
  /// upper[i] for i < k: an upper bound of the i-th largest eigenvalue, except with the failure probability. Empty: not
  /// shown.
  std::vector<double> upper;
  bool confirmed = false;        ///< the upper ends are as close to theta as can be expected
  std::int64_t joined = 0;       ///< eigenvectors that were missing
  std::vector<double> rounding;  ///< rounding of each theta, at most, to first order; included in upper
  std::vector<double> noise;     ///< the rounding of each theta that occurs in practice
  std::int64_t products = 0;
  std::int64_t reads = 0;
  RandomState random{};
};

/// C is symmetric positive semidefinite of order n. `known` holds the k eigenvectors found, and any further approximate
/// ones. Further ones make the check cheaper: the better they are, the smaller the remainder of C.
///
/// Let V hold orthonormal columns, H = V^T C V, E = C V - V H, F = E^T E, and tau at least the largest eigenvalue of C
/// on the complement of V. For every eta > 0
///
///     lambda_i(C)  <=  max( lambda_i(H + F / eta),  tau + eta ),
///
/// since [eta^-1 E^T E, -E^T; -E, eta I] is positive semidefinite (docs/proofs.md). tau comes from the Christoffel
/// functions of the process, so it fails only with the stated probability over its start; several rounds share this
/// probability.
///
/// Cost: one product with all of `known`, and as many products with two vectors as Lanczos needs to separate the k-th
/// value from the first unknown one. Throws as lanczos() does.
template <Real T>
Complement<T> check_complement(std::int64_t n, const SymmetricProduct<T>& product, const Matrix<T>& known,
                               const ComplementOptions& options, Context& context);

}  // namespace sigmax
