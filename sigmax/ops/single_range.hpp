// Whether the range of a type holds the intermediate values of an operator's products. Internal to the library.
#pragma once

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// Whether an iteration in float on a.in_single() loses nothing that matters for a sigma_1 within 2^+-20; svd() checks
/// that range on its result. Decided by structure. Reads each stored matrix that is part of a product or multiple once,
/// and no others.
bool float_holds(const LinearOperator<double>& a, Context& context);

/// Whether A's own products, with A near 1 or scaled to be, are free of errors by underflow or overflow on the way
/// through the factors of a product. Costs the same as float_holds().
template <Real T>
bool holds_products(const LinearOperator<T>& a, Context& context);

}  // namespace sigmax
