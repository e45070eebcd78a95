// Kronecker products: an operator for each axis of a tensor.
#pragma once

#include <initializer_list>
#include <vector>

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// A_1 (x) ... (x) A_d: x is a row-major tensor of the factors' columns, y one of their rows, and A_k acts along axis
/// k. identity(n) leaves an axis alone: identity(n) (x) A is A on each of n rows, and poolings, means and resizings of
/// images are products of one matrix an axis.
///
/// sigma_max is the product of those of the factors; all singular values are their products.
///
/// Cost: the factors' own products with all lines along their axes as blocks of columns, without identities, and two
/// copies of the tensor for an axis that is not the last. The axes that shrink the tensor most come first. A^T A and A
/// A^T take the Gram products of the factors, A^T A with its image two passes. Scratch memory: 3 times the largest
/// tensor on the way. structure() is Kronecker. Parameters: the factors' own, in order. Throws Error without factors,
/// for a null one, if a side exceeds 2^62, or above kMostDepth.
template <Real T>
Operator<T> kronecker(std::vector<Operator<T>> factors);

template <Real T>
Operator<T> kronecker(std::initializer_list<Operator<T>> factors) {
  return kronecker(std::vector<Operator<T>>(factors));
}

}  // namespace sigmax
