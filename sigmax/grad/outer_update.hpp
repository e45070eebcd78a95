// grad += U diag(w) V^T in double, rounded once, for any number of terms. Internal to grad/ and nn/.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/ops/cotangent.hpp"

namespace sigmax::grad {

/// out_ij = keep * out_ij + sum_k w_k u_ik v_jk, row-major u.rows x v.rows without gaps. Each sum is formed in double
/// and rounded to T once, with an error of gamma_r times the sum of magnitudes.
///
/// Cost: 2 rows columns r flops, one read and write of `out`, a panel of rows in double. The bits are the same for any
/// number of threads. Throws Error if the shapes do not fit.
template <Real T>
void update_outer(const Cotangent<double>& terms, double keep, std::span<T> out, Context& context);

}  // namespace sigmax::grad
