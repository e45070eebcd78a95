// The solver that Auto chooses: the table of docs/solvers.md, as code. Internal to svd/ and grad/.
#pragma once

#include <cstdint>

#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/method.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax {

/// Whether a decomposition for all triplets costs less than an iteration for k of them. `order` is the shorter side.
bool is_cheaper_whole(std::int64_t order, std::int64_t k);

/// Never Auto. The measurements behind the crossovers are in docs/adr/0019 to 0022.
Method choose(const Shape& shape, std::int64_t k, Which which);

/// Whether the tolerance allows iterations in float with only the end in double.
bool single_precision_is_enough(const Method& method, const Convergence& convergence);

}  // namespace sigmax
