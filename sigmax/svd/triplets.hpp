// What every solver ends with: the best triplets that a subspace holds, and their residuals. Internal to the library.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/gram_side.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// Singular triplets by descending sigma, with residual |A^T u - sigma v| relative to the largest sigma.
template <Real T>
struct Triplets {
  std::vector<double> sigma;
  Matrix<T> u;
  Matrix<T> v;
  std::vector<double> residual;
};

/// The Rayleigh-Ritz triplets of A from span(V): A V = Q R, R = P S W^T, u = Q P, v = V W. V is columns x p with
/// p >= 1 columns; it is orthonormalized first, dependent columns giving way to arbitrary ones. min(p, rows, columns)
/// triplets are returned; the sigma of a subspace that holds v_1 to an angle t is wrong by O(t^2). Where sigma is 0 the
/// columns of u are still orthonormal.
///
/// Cost: one read of A for 8 columns (A V and A^T A V together; one more where values are far below sigma_1), and
/// O((rows + columns) p^2) flops in double. Throws Error if p is 0.
template <Real T>
Triplets<T> triplets_from_right(const LinearOperator<T>& a, MatrixView<const T> v, Context& context);

/// The same from span(A^T U), U rows x p: as good as span(U), or better by half a step of power iteration. One more
/// read.
template <Real T>
Triplets<T> triplets_from_left(const LinearOperator<T>& a, MatrixView<const T> u, Context& context);

/// The triplets that span(x) holds, x of the side's vectors. Counted there.
template <Real T>
Triplets<T> triplets_from(GramSide<T>& side, const Matrix<T>& x);

/// Moves the first k triplets into `result`, and all right vectors into its subspace.
template <Real T>
void take(SvdResult<T>& result, Triplets<T> triplets, std::int64_t k);

/// sigma_i in the units of A after a solve on 2^e A, and what else has units.
template <Real T>
void rescale(SvdResult<T>& result, int exponent);

}  // namespace sigmax
