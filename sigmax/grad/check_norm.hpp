// The gradient checker on norms: norm_vjp() of any operator compared with differences of the norm's value.
#pragma once

#include <functional>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/check.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::grad {

/// A(theta), built anew for every theta.
using OperatorFamily = std::function<Operator<double>(std::span<const double> theta)>;

struct NormCheckResult {
  NormGradient norm;  ///< as norm_vjp() gives it
  CheckResult check;  ///< of its gradient
  /// The derivative is what the report says: it agrees with differences if it is called unique; otherwise it lies
  /// between the one-sided derivatives (or differences cannot decide).
  bool holds = false;
};

/// Checks norm_vjp(A(theta), which) at `theta`: the value is taken from the entries of the operator, and for norms of
/// singular values from LAPACK's singular values of those entries. None of the gradient's own code is used.
///
/// Cost: the evaluations of check_gradient(), each a full decomposition for norms of singular values: suitable for
/// operators of up to a few hundred rows. Throws Error as norm_vjp() and check_gradient() do.
NormCheckResult check_norm(const OperatorFamily& family, std::span<const double> theta, const norms::Norm& which,
                           const CheckOptions& options, Context& context);

/// As above, on every hardware thread.
inline NormCheckResult check_norm(const OperatorFamily& family, std::span<const double> theta, const norms::Norm& which,
                                  const CheckOptions& options = {}) {
  Context context;
  return check_norm(family, theta, which, options, context);
}

/// This check for norm_vjp(matrix, which), in double.
NormCheckResult check_norm(const Tensor& matrix, const norms::Norm& which, const CheckOptions& options,
                           Context& context);

/// As above, on every hardware thread.
inline NormCheckResult check_norm(const Tensor& matrix, const norms::Norm& which, const CheckOptions& options = {}) {
  Context context;
  return check_norm(matrix, which, options, context);
}

}  // namespace sigmax::grad
