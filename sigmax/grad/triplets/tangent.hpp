// The derivative of the triplets in a direction, in the units of a Frame: shared by svd_jvp and the second derivatives.
// Internal to grad/.
#pragma once

#include <string_view>

#include "sigmax/grad/svd_tangent.hpp"
#include "sigmax/grad/triplets/frame.hpp"

namespace sigmax {

/// dA V and dA^T U for an operator of A's shape.
template <Real T>
SvdTangent<T> tangent_of(std::string_view who, const LinearOperator<T>& direction, const Shape& shape,
                         const SvdResult<T>& triplets, Context& context);

/// The derivative in the direction 2^-exponent dA of the frame's operator: the vectors are those of A itself.
/// The tangent is consumed. Throws Error if it does not fit.
template <Real T>
SvdJvp<T> derivative_in(Frame<T>& frame, const Shape& shape, SvdTangent<T> tangent);

}  // namespace sigmax
