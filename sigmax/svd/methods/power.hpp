// Power iteration: the steps that training makes between two updates of a weight.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/method.hpp"

namespace sigmax {

struct PowerOptions {
  PowerIteration::Order order = PowerIteration::Order::u_first;
  std::int64_t steps = 1;
  double epsilon = 1e-12;  ///< a vector x becomes x / max(|x|, epsilon), as torch.nn.functional.normalize does it
};

/// `steps` steps of power iteration from (u, v), in place, u of `rows` and v of `columns` entries. Returns
/// sigma = u^T A v for the vectors after the last step. With N(x) = x / max(|x|, epsilon), a step is
///
///     u_first:  u = N(A v),    v = N(A^T u)    torch.nn.utils.parametrizations.spectral_norm; incoming u is not used
///     v_first:  v = N(A^T u),  u = N(A v)      torch.nn.utils.spectral_norm; incoming v is not used
///
/// and sigma is |A^T u| and |A v| of the last step, unless epsilon takes hold. sigma never exceeds sigma_max except for
/// rounding. For u, v of unit length, both held fixed, its derivative with respect to A is u v^T. The result is what
/// PyTorch computes, up to rounding: sums are in T, norms in double. The zero operator gives u = v = 0 and sigma = 0.
///
/// Cost: `steps` reads of A for u_first, steps + 1 for v_first, if apply_gram is one read (a step computes A^T A v
/// together with A v: A^T u = (A^T A v) / |A v|); one more read for each step with |A v| so far from 1 that A^T A v
/// could leave the range of T. Entries so large that A v overflows give infinity or NaN.
/// Throws Error if a shape does not fit, steps < 1 or epsilon is not positive; Canceled on request.
template <Real T>
double power_steps(const LinearOperator<T>& a, const PowerOptions& options, std::span<T> u, std::span<T> v,
                   Context& context);

/// Fills each column with a random vector of unit length, uniformly distributed: the start of the iteration if nothing
/// better is known. Returns the next state.
template <Real T>
[[nodiscard]] RandomState random_unit_vectors(RandomState state, MatrixView<T> x);

}  // namespace sigmax
