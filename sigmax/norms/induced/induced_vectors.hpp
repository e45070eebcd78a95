// Searches for the maximizer of |A x|_q / |x|_p and for diagonal scalings. Nothing here is a proof. Internal to norms/.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax::norms {

/// Products with A and A^T of blocks of columns, in double. A has a norm far from the ends of the range.
struct Products {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::function<void(MatrixView<const double> x, MatrixView<double> y)> forward;
  std::function<void(MatrixView<const double> y, MatrixView<double> x)> adjoint;
};

/// |x|_p, by the C library's pow, safe at any scale.
double approximate_norm(std::span<const double> x, double p);

/// x <- the vector of p-norm 1 that maximizes the inner product with x: sign(x) |x|^(p*-1) normalized. An entry 0
/// counts as positive where p is infinite; for p = 1 the first largest entry is taken.
void dualize(std::span<double> x, double p);

/// The mixing method for p >= 2 >= q: the nonlinear power method on vectors with k components,
///
///     maximize sum_ij a_ij <u_i, v_j>   with | (|u_i|)_i |_{q*} <= 1,  | (|v_j|)_j |_p <= 1,
///
/// the semidefinite relaxation of |A|_{p->q}. At its maximum, A V = diag(lambda) U and A^T U = diag(mu) V, and
/// w = lambda^(-1/2), v = mu^(-1/2) is the best diagonal scaling (docs/proofs.md).
struct MixedVectors {
  Matrix<double> vectors;          ///< V, columns x k
  std::vector<double> of_rows;     ///< w, from 1 to 2^30
  std::vector<double> of_columns;  ///< v
};
MixedVectors mix(const Products& a, double p, double q, std::int64_t rank, int steps, RandomState& random,
                 Context& context);

/// The vector with the largest quotient, |x|_p = 1, and that quotient.
struct Ascent {
  std::vector<double> x;
  double value = 0;
};

/// Boyd's power method. Every column of `starts` is led from 2 -> 2 to p -> q in `path` steps (0: it starts at p -> q)
/// and on by a few steps; the best is improved until it no longer grows, or for `most` steps.
Ascent ascend(const Products& a, double p, double q, Matrix<double> starts, int path, int most, Context& context);

}  // namespace sigmax::norms
