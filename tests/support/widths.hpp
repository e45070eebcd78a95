// How wide the enclosures of small matrices may be: what the headers of their proofs state, in numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tolerance.hpp"

namespace sigmax::tolerance {

/// Both ends after that many operations on enclosures, each of which moves an end outward by 64 u
/// (bounds/matrix_proof/rounding.hpp). Relative.
inline constexpr double width_of_operations(int count) { return 2 * 64 * count * kUnitRoundoff; }

/// The proofs of small matrices of moderate condition numbers: at most 60 such operations.
inline constexpr double kSmallProof = width_of_operations(60);

/// The p-norm of `count` numbers: the terms and their powers, n + 330 u, and at most 16 operations; beyond 2^40 the
/// power is not evaluated.
inline double width_of_p_norm(std::int64_t count, double p) {
  return 2 * static_cast<double>(gamma(count + 330 + 16 * 64)) + (p > 0x1p40 ? 200 / p : 0.0);
}

/// A value that whole_spectrum() encloses, absolutely: k^(3/2) u |A|_F for the residual and the
/// defects, each a few times.
inline double width_of_value(std::int64_t rows, std::int64_t columns, double largest) {
  return of_matrix(rows, columns, largest, 512);
}

/// The nuclear norm by duality (bounds/nuclear_norm.hpp), relative: about n^1.5 u |A|_F / |A|_*.
inline double width_of_nuclear_norm(std::int64_t order, double frobenius, double nuclear) {
  return kSmallProof + 512 * std::pow(static_cast<double>(order), 1.5) * kUnitRoundoff * frobenius / nuclear;
}

/// sigma_min, and kappa, relative: of an approximate inverse about (n u kappa)^2 (bounds/pseudo_inverse.hpp) ...
inline double width_of_inverse(std::int64_t order, double kappa) {
  const double residual = static_cast<double>(order) * kUnitRoundoff * kappa;
  return kSmallProof + 2 * residual * residual;
}

/// ... and by the Gram matrix of_gram_proof() kappa^2, which is enough where it is at most 1e-8; otherwise the inverse
/// follows.
inline constexpr double kGramIsEnough = 1e-8;
inline double width_of_smallest(std::int64_t rows, std::int64_t columns, double kappa) {
  return kSmallProof + std::min(kGramIsEnough, of_gram_proof(rows, columns) * kappa * kappa);
}

/// The 1-, infinity- and Frobenius norm of the pseudo-inverse of a rectangle, relative: about n^2 u kappa 2^-20.
inline double width_of_pseudo_inverse(std::int64_t order, double kappa) {
  const auto n = static_cast<double>(order);
  return kSmallProof + 64 * n * n * kUnitRoundoff * kappa * 0x1p-20;
}

}  // namespace sigmax::tolerance
