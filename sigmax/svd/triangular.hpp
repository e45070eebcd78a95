// An upper triangular R, by which the smallest singular values are found: solves, products, and values moved out of the
// way. Internal to svd/; callers hold a SerialBlas.
#pragma once

#include <cstdint>

#include "sigmax/core/matrix.hpp"
#include "sigmax/svd/lapack.hpp"

namespace sigmax::triangular {

enum class Side { plain, transposed };

/// X <- R^-1 X or R^-T X
void solve(const Matrix<double>& r, Side side, MatrixView<double> x);

/// X <- R X or R^T X
void multiply(const Matrix<double>& r, Side side, MatrixView<double> x);

/// X <- (R^T R)^-1 X
void apply_inverse(const Matrix<double>& r, MatrixView<double> x);

/// A diagonal entry below rounding, zero above all, is replaced by one that can be divided by: R changes by no more than
/// the rounding errors of the factorization that it comes from.
void lift_diagonal(Matrix<double>& r);

/// The triangular factor of [R; tau V^T]: the singular values of R in the directions V grow to about tau, the others
/// stay.
Matrix<double> without(const Matrix<double>& r, const Matrix<double>& v, double tau);

/// Orthonormal columns that span those of `x`.
Matrix<double> orthonormal(Matrix<double> x);

/// Appends the first `count` columns of `more` to those of `v`.
void append(Matrix<double>& v, const Matrix<double>& more, std::int64_t count);

/// Triplets of R from right singular vectors V of its smallest values, by descending sigma, by two-sided Rayleigh-Ritz:
///
///     P = R^-T V, orthonormal;  P^T R V = X S Z^T;  u = P X, v = V Z
///
/// Left vectors taken as R v / sigma would be rounding where sigma is.
lapack::Svd refine(const Matrix<double>& r, const Matrix<double>& v);

}  // namespace sigmax::triangular
