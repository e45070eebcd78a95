// Proven enclosures of all singular values of a stored matrix, from a whole decomposition and its residual. Derivation:
// docs/proofs.md. Internal to bounds/.
#pragma once

#include <vector>

#include "sigmax/bounds/matrix_proof/values_proof.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax::bounds {

/// Let U, V and s be the question's vectors and values, as many as the shorter side has, and R = A - U diag(s) V^T with
/// |U^T U - I| <= d, |V^T V - I| <= e. Then for every i
///
///     s_i sqrt((1 - d) (1 - e)) - |R|  <=  sigma_i(A)  <=  s_i sqrt((1 + d) (1 + e)) + |R|:
///
/// the singular values of U diag(s) V^T differ from s_i by the factors (Ostrowski), those of A from them by the
/// residual (Weyl). The width is about order^{3/2} u |A|_F for every value, also for those that a Gram matrix does not
/// tell from 0. Empty where it does not apply: vectors or values that are missing, not finite, not in descending order,
/// or far from orthonormal, or a BLAS that does not support proofs.
///
/// Cost: one read of A, 2 rows columns k flops for the residual, (rows + columns) k^2 for the defects.
std::vector<Enclosure> enclose_by_residual(const InRange& a, const ValuesQuestion& question, Context& context);

}  // namespace sigmax::bounds
