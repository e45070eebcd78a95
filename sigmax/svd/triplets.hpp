// The final step of every solver: the best triplets in a subspace, and their residuals. Internal to the library.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/gram_side.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// Singular triplets, sigma descending, with residual |A^T u - sigma v| relative to the largest sigma.
template <Real T>
struct Triplets {
  std::vector<double> sigma;
  Matrix<T> u;
  Matrix<T> v;
  std::vector<double> residual;
};

/// The Rayleigh-Ritz triplets of A from span(V): A V = Q R, R = P S W^T, u = Q P, v = V W. V is columns x p with
/// p >= 1 columns; it is orthonormalized first, and arbitrary columns replace dependent ones. min(p, rows, columns)
/// triplets are returned; if the subspace contains v_1 to an angle t, the error of sigma is O(t^2). The columns of u
/// are orthonormal even if sigma is 0.
///
/// Cost: one read of A for 8 columns (A V and A^T A V together; one more if values are far below sigma_1), and
/// O((rows + columns) p^2) flops in double. Throws Error if p is 0.
template <Real T>
Triplets<T> triplets_from_right(const LinearOperator<T>& a, MatrixView<const T> v, Context& context);

/// As above from span(A^T U), U rows x p: as good as span(U), or better by half a step of power iteration. Costs one
/// more read.
template <Real T>
Triplets<T> triplets_from_left(const LinearOperator<T>& a, MatrixView<const T> u, Context& context);

/// The triplets in span(x), where x holds vectors of the side. Products are counted there.
template <Real T>
Triplets<T> triplets_from(GramSide<T>& side, const Matrix<T>& x);

/// Moves the first k triplets into `result`, and all right vectors into its subspace.
template <Real T>
void take(SvdResult<T>& result, Triplets<T> triplets, std::int64_t k);

/// Converts sigma_i, and everything else with units, to the units of A after a solve on 2^e A.
template <Real T>
void rescale(SvdResult<T>& result, int exponent);

}  // namespace sigmax
