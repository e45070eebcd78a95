// Sums of operators.
#pragma once

#include <initializer_list>
#include <vector>

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// A_1 + ... + A_p, never formed. Terms that are sums are replaced by their own terms, and a single term is returned as
/// it is. The terms' products are added in order.
///
/// Cost: the terms' own for A x and A^T y; the Gram products of a sum have cross terms, so they take two passes: each
/// term is read twice. structure() is Sum.
/// Parameters: the terms' own, in order.
/// Throws Error without terms, for a null one, or if the shapes differ.
template <Real T>
Operator<T> sum(std::vector<Operator<T>> terms);

template <Real T>
Operator<T> sum(std::initializer_list<Operator<T>> terms) {
  return sum(std::vector<Operator<T>>(terms));
}

/// A + B, as sum().
template <Real T>
Operator<T> operator+(Operator<T> a, Operator<T> b);

/// A - B: the sum of A and -1 B.
template <Real T>
Operator<T> operator-(Operator<T> a, Operator<T> b);

}  // namespace sigmax
