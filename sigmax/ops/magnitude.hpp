// The magnitude that the rounding errors of an operator's products are relative to. Internal to the library.
#pragma once

#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// The norm that A would have without cancellation: the sum of the Frobenius norms of the terms of a sum, the product
/// of those of the factors of a product; a diagonal and a selection count with their spectral norms. Products with A
/// round by about u times this number, although |A| may be far smaller (W - W'). 0 for a stored or an opaque matrix, a
/// diagonal, a selection or a Kronecker product of such, for which nothing beyond |A| is known, and for a convolution
/// unless taps of the kernel meet in the same entry all over the image. One read of each stored part.
template <Real T>
double uncanceled_norm(const LinearOperator<T>& a, Context& context);

}  // namespace sigmax
