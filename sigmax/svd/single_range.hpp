// Whether float holds what the products of an operator come across. Internal to svd/.
#pragma once

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// Whether an iteration in float on a.in_single() loses nothing that matters to a sigma_1 within 2^+-20, which svd()
/// checks of what it finds. By structure; one read of each stored matrix that is part of a product or multiple, none of
/// the others.
bool float_holds(const LinearOperator<double>& a, Context& context);

}  // namespace sigmax
