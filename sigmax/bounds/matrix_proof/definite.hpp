// Proofs about symmetric matrices by one Cholesky factorization, and bounds of norms and products of dense matrices.
// Internal to bounds/.
#pragma once

#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// At least |A|_F.
double frobenius_above(const Matrix<double>& a);

/// At least |A|_2: the smaller of |A|_F and sqrt(|A|_1 |A|_inf).
double two_norm_above(const Matrix<double>& a);

/// At least |A|_2, sharper: sqrt of a bound of the largest eigenvalue of A^T A by a Cholesky factorization, and
/// two_norm_above() where that fails. The entries must be at most 1 in magnitude.
double sharp_two_norm_above(const Matrix<double>& a, Context& context);

/// At most |A|_2: |A v| / |v| for a vector v near the first right singular one, less the rounding of the product.
double two_norm_below(const Matrix<double>& a);

/// At least |fl(A B) - A B|_F for a product formed by lapack::product: gamma_n |A|_F |B|_F, n terms in each sum, and
/// underflow.
double product_error(const Matrix<double>& a, const Matrix<double>& b);

/// (S + S^T) / 2, each entry rounded once, its two places equal.
Matrix<double> symmetrized(const Matrix<double>& s);

/// A lower end of the smallest eigenvalue of a symmetric matrix, of any sign: `guess` less all rounding errors, if the
/// Cholesky factorization of S - guess I completes. A guess a little below the eigenvalue succeeds; nothing is assumed
/// of it. Cost: n^3 / 3 flops.
std::optional<double> smallest_eigenvalue_above(const Matrix<double>& s, double guess, Context& context);

}  // namespace sigmax::bounds
