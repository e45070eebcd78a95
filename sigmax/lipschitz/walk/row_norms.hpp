// Euclidean norms of a matrix's rows: how far a ball of inputs moves each output. Internal to lipschitz/.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::lipschitz {

/// At least the norm of each row (column, with `adjoint`) of a stored matrix, a zero-padded convolution, a diagonal or
/// a selection, and of multiples and transposes of these. Nothing for others. One read of the matrix.
std::optional<std::vector<double>> row_norms(const LinearOperator<double>& a, bool adjoint, Context& context);

}  // namespace sigmax::lipschitz
