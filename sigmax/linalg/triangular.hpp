// An upper triangular R, by which the smallest singular values are found: solves, products, and values moved out of the
// way. Internal to the library; callers hold a SerialBlas.
#pragma once

#include <cstdint>

#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/lapack.hpp"

namespace sigmax::triangular {

enum class Side { plain, transposed };

/// X <- R^-1 X or R^-T X
void solve(const Matrix<double>& r, Side side, MatrixView<double> x);

/// X <- R X or R^T X
void multiply(const Matrix<double>& r, Side side, MatrixView<double> x);

/// X <- (R^T R)^-1 X
void apply_inverse(const Matrix<double>& r, MatrixView<double> x);

/// A unit of rounding of the largest entry.
double unit_of(const Matrix<double>& r);

/// A diagonal entry below that, zero above all, is replaced by one that can be divided by: R changes by no more than
/// the rounding errors of the factorization that it comes from. Where several are, values may fall far below rounding.
void lift_diagonal(Matrix<double>& r);

/// Whether solves with R overflow, or tell of values far below rounding alone: by what they make of one vector.
bool is_singular(const Matrix<double>& r);

/// The triangular factor of [A; e I], A square and e a unit of rounding: the right singular vectors are those of A, the
/// values are at least e, and no other is moved by more than rounding. Its left vectors are others.
Matrix<double> regularized(const Matrix<double>& a);

/// The triangular factor of [R; tau V^T]: the singular values of R in the directions V grow to about tau, the others
/// stay.
Matrix<double> without(const Matrix<double>& r, const Matrix<double>& v, double tau);

/// Appends the first `count` columns of `more` to those of `v`.
void append(Matrix<double>& v, const Matrix<double>& more, std::int64_t count);

/// Triplets of R from orthonormal P and V that span left and right singular vectors, by descending sigma:
///
///     P^T R V = X S Z^T;  u = P X, v = V Z
lapack::Svd rayleigh_ritz(const Matrix<double>& r, const Matrix<double>& p, const Matrix<double>& v);

/// The same with P = R^-T V, orthonormal, for V of the smallest values of an R that is not singular. Left vectors taken
/// as R v / sigma would be rounding where sigma is.
lapack::Svd refine(const Matrix<double>& r, const Matrix<double>& v);

}  // namespace sigmax::triangular
