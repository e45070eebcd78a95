// A linear operator defined by a user's own products.
#pragma once

#include <functional>

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// out = A in or A^T in for a block of columns; `out` comes uninitialized and must be filled. The context provides
/// threads and scratch memory.
template <Real T>
using BlockFunction = std::function<void(MatrixView<const T> in, MatrixView<T> out, Context& context)>;

/// The parameters that the products depend on: `count` of them, and how a cotangent becomes a gradient, as
/// LinearOperator::pull_back describes it: grad += d/dtheta sum_i w_i u_i^T A(theta) v_i. `grad` has `count` entries.
template <Real T>
struct FunctionParameters {
  std::int64_t count = 0;
  std::function<void(const Cotangent<T>& cotangent, std::span<T> grad, Context& context)> pull_back;
};

/// The operator whose products are these functions, which must be linear, each other's adjoint, and safe to call from
/// several threads if the operator is used from several. Exceptions that they throw pass through.
///
///     const auto shift = function_operator<double>({n, n}, forwards, backwards);
///
/// Cost: that of the functions; a Gram product calls both, one after the other. structure() is Opaque, so that
/// certify() gives only a probabilistic upper end; in_single() is null. Without `parameters` the operator is a constant
/// for gradients.
/// Throws Error for a negative shape or number of parameters, or an empty function.
template <Real T>
Operator<T> function_operator(Shape shape, BlockFunction<T> apply, BlockFunction<T> apply_adjoint,
                              FunctionParameters<T> parameters = {});

}  // namespace sigmax
