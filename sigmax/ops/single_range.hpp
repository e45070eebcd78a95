// Whether the range of a type holds what the products of an operator come across. Internal to the library.
#pragma once

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// Whether an iteration in float on a.in_single() loses nothing that matters to a sigma_1 within 2^+-20, which svd()
/// checks of what it finds. By structure; one read of each stored matrix that is part of a product or multiple, none of
/// the others.
bool float_holds(const LinearOperator<double>& a, Context& context);

/// Whether no underflow or overflow on the way through the factors of a product falsifies what A's own products tell,
/// A near 1 or scaled to be. The cost is that of float_holds().
template <Real T>
bool holds_products(const LinearOperator<T>& a, Context& context);

}  // namespace sigmax
