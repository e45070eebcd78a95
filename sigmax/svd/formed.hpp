// An operator as a matrix of doubles, and triplets found from it; shared by the solvers that factorize. Internal to the
// library.
#pragma once

#include <cstdint>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"
#include "sigmax/svd/task.hpp"

namespace sigmax {

/// 2^-exponent A, its largest entry between 1/2 and 1 (or A = 0 as it is).
struct FormedMatrix {
  Matrix<double> a;
  int exponent = 0;
  bool zero = false;
  std::int64_t reads = 0;     ///< of A
  std::int64_t products = 0;  ///< with A, if A is known only by its products

  /// The matrix as kernels read it: the row-major view of its transpose.
  kernels::StoredMatrix transposed_view() const;
};

/// Throws NotFinite if an entry is not finite; Canceled on request.
template <Real T>
FormedMatrix form(const LinearOperator<T>& a, Context& context);

/// The result for triplets of the formed matrix, in the units of A: residual max(|A^T u - sigma v|, |A v - sigma u|)
/// relative to `largest`, the largest singular value of the formed matrix, evaluated with that matrix.
template <Real T>
SvdResult<T> result_of(const FormedMatrix& formed, const lapack::Svd& triplets, double largest, const Task<T>& task);

/// The triplets of a zero matrix: sigma = 0, u and v the first unit vectors.
lapack::Svd zero_triplets(const Shape& shape, std::int64_t count);

}  // namespace sigmax
