// The gradient of a norm given by the caller: a symmetric gauge of the singular values (norms/gauge.hpp).
//
// For a subgradient w of the gauge at sigma, sum w_i u_i v_i^T is a subgradient of the norm at A, and it is the
// gradient if the gauge is differentiable at sigma. (Lewis, The convex analysis of unitarily invariant matrix
// functions, J. Convex Analysis 2, 1995.)
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::grad {

/// A subgradient of the gauge at `sigma`, which has min(rows, columns) descending numbers: as many numbers, none
/// negative. A gauge does not depend on signs, so where sigma_i = 0 a weight may be replaced by 0; it is.
using GaugeSubgradient = std::function<std::vector<double>(std::span<const double> sigma)>;

/// The gauge's value, and sum w_i u_i v_i^T times options.scale. `norm.kind` is `subgradient`: whether the gauge has
/// others at this spectrum is the caller's knowledge. Cost: a whole decomposition.
///
/// What can be seen to be no subgradient is refused: a gauge is homogeneous, so sum w_i sigma_i is its value. Throws
/// Error then, for another number of weights, for negative ones, and as norm_cotangent() does.
template <Real T>
NormCotangent<T> gauge_cotangent(const LinearOperator<T>& a, const norms::Gauge& gauge,
                                 const GaugeSubgradient& subgradient, const NormVjpOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
NormCotangent<T> gauge_cotangent(const LinearOperator<T>& a, const norms::Gauge& gauge,
                                 const GaugeSubgradient& subgradient, const NormVjpOptions& options = {}) {
  Context context;
  return gauge_cotangent(a, gauge, subgradient, options, context);
}

/// grad += scale * df/dA, `grad` row-major as the tensor's shape, of any real storage type.
template <Real T>
NormGradient gauge_vjp(const Tensor& matrix, const norms::Gauge& gauge, const GaugeSubgradient& subgradient,
                       const NormVjpOptions& options, std::span<T> grad, Context& context);

/// As above, on every hardware thread.
template <Real T>
NormGradient gauge_vjp(const Tensor& matrix, const norms::Gauge& gauge, const GaugeSubgradient& subgradient,
                       const NormVjpOptions& options, std::span<T> grad) {
  Context context;
  return gauge_vjp(matrix, gauge, subgradient, options, grad, context);
}

}  // namespace sigmax::grad
