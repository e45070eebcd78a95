// A number times an operator.
#pragma once

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// f A. A factor of 1 gives A itself; f (g B) becomes (f g) B if f g is exact, so that the operator does not change.
///
/// The factor is applied to the vector before A: f A x = A (f x), and A^T A is applied to f x and the result multiplied
/// by f. This keeps every product in range where f compensates for a very large or small A (a square of f would not).
/// Cost: that of A for every product. structure() is Scaled; in_single() is null for a factor beyond 2^+-100.
/// Parameters: those of A; the factor is a constant.
/// Throws Error for a null operator or a factor that is not finite.
template <Real T>
Operator<T> scaled(double factor, Operator<T> a);

/// factor A, as scaled().
template <Real T>
Operator<T> operator*(double factor, Operator<T> a);

/// -1 A, as scaled().
template <Real T>
Operator<T> operator-(Operator<T> a);

}  // namespace sigmax
