// Products of operators.
#pragma once

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// L R, never formed: x goes through R and then through L.
///
/// Cost: those of L and R for A x and A^T y. A^T A x = R^T (L^T L) (R x) takes R twice and one Gram product of L, with
/// or without the image; A A^T y = L (R R^T) (L^T y) takes L twice and one Gram product of R. structure() is Product.
/// Parameters: L's, then R's. pull_back takes one product with R, one with L^T, and the pull_back of each factor.
/// Throws Error for a null operator, or if the number of L's columns differs from the number of R's rows.
template <Real T>
Operator<T> product(Operator<T> left, Operator<T> right);

/// L R, as product().
template <Real T>
Operator<T> operator*(Operator<T> left, Operator<T> right);

}  // namespace sigmax
