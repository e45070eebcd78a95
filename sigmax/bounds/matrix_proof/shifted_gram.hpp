// The matrix that a Cholesky proof factors: +-G + tau I, and its rounding errors. Internal to bounds/.
#pragma once

#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/gram_matrix.hpp"

namespace sigmax::bounds {

/// At least |E|_2 for a Cholesky factorization L L^T = B + E that completes, for the diagonal of B: sum_i gamma_{i+4}
/// b_ii / (1 - gamma), its underflow, and one rounding of the diagonal itself, max u |b_ii|.
double factorization_error(std::span<const double> diagonal);

std::vector<double> take_diagonal(const GramMatrix& g);

/// sign G + tau I in the lower triangle of g, the diagonal included; G is taken from the upper and `diagonal`. Returns
/// an upper bound on the difference between it and a factorization that completes: sum_i gamma_{i+4} b_ii / (1 - gamma)
/// for Cholesky, and the rounding of the diagonal, max u |b_ii|.
double shift(GramMatrix& g, std::span<const double> diagonal, double sign, double tau, Context& context);

/// sign G + tau I + W W^T, W of g.order rows, in the same way. `spread` is at least the 2-norm of the matrix of the
/// |g_ij|: with k columns each entry is a sum of k + 2 terms, so that gamma_{k+3} (spread + |tau| + |W|_F^2) is added.
double shift(GramMatrix& g, std::span<const double> diagonal, double sign, double tau, const Matrix<double>& w,
             double spread, Context& context);

/// Restores the parts of g that shift() overwrote: the diagonal, and the lower triangle if g had one.
void restore(GramMatrix& g, std::span<const double> diagonal, Context& context);

}  // namespace sigmax::bounds
