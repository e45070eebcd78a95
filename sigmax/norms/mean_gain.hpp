// How much a matrix stretches a vector of random direction.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

/// |A|_F^2 / n for n columns: the mean of |A x|^2 over x uniform on the unit sphere. `value` is infinite, and the upper
/// end missing, beyond the range of double. One read of the matrix for the value, one for the enclosure. Throws Error
/// as norm().
NormResult mean_gain(const Tensor& matrix, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
inline NormResult mean_gain(const Tensor& matrix, const NormOptions& options = {}) {
  Context context;
  return mean_gain(matrix, options, context);
}

/// As above for any operator, from norm(a, Frobenius{}): proven for what is stored or may be formed, as certain as all
/// triplets are for anything else.
template <Real T>
NormResult mean_gain(const LinearOperator<T>& a, const NormOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
NormResult mean_gain(const LinearOperator<T>& a, const NormOptions& options = {}) {
  Context context;
  return mean_gain(a, options, context);
}

}  // namespace sigmax::norms
