// An upper triangular R for finding the smallest singular values: solves, products, and moving values out of the way.
// Internal to the library; callers hold a SerialBlas.
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

/// One unit of rounding of the largest entry.
double unit_of(const Matrix<double>& r);

/// Replaces diagonal entries below unit_of(r), zeros in particular, by unit_of(r), so that they can be divided by. R
/// changes by no more than the rounding errors of the factorization that it comes from. If several entries are
/// replaced, values may fall far below rounding.
void lift_diagonal(Matrix<double>& r);

/// Whether solves with R overflow or show values far below rounding, tested on one vector.
bool is_singular(const Matrix<double>& r);

/// The triangular factor of [A; e I], A square and e a unit of rounding: the right singular vectors are those of A, the
/// values are at least e, and no value changes by more than rounding otherwise. The left vectors differ from those of
/// A.
Matrix<double> regularized(const Matrix<double>& a);

/// The triangular factor of [R; tau V^T]: the singular values of R in the directions V grow to about tau, the others do
/// not change.
Matrix<double> without(const Matrix<double>& r, const Matrix<double>& v, double tau);

/// Appends the first `count` columns of `more` to those of `v`.
void append(Matrix<double>& v, const Matrix<double>& more, std::int64_t count);

/// Triplets of R from orthonormal P and V that span left and right singular vectors, by descending sigma:
///
///     P^T R V = X S Z^T;  u = P X, v = V Z
lapack::Svd rayleigh_ritz(const Matrix<double>& r, const Matrix<double>& p, const Matrix<double>& v);

/// rayleigh_ritz() with P = R^-T V, made orthonormal, for the V of the smallest values of a nonsingular R. Left vectors
/// computed as R v / sigma would be mere rounding errors where sigma is at that level.
lapack::Svd refine(const Matrix<double>& r, const Matrix<double>& v);

}  // namespace sigmax::triangular
