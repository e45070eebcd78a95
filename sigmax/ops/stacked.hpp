// Operators stacked below each other or side by side.
#pragma once

#include <initializer_list>
#include <vector>

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// The parts below each other: [A_1; ...; A_p], such as the layers that read one input.
///
/// Cost: the parts' own for A x and A^T y. A^T A x = sum A_i^T A_i x takes one Gram product of each part, with or
/// without the image; A A^T y takes two passes. structure() is Stacked.
/// Parameters: the parts' own, in order.
/// Throws Error without parts, for a null one, or if their columns differ.
template <Real T>
Operator<T> stack_rows(std::vector<Operator<T>> parts);

/// The parts side by side: [A_1 ... A_p]. As stack_rows, with the two Gram products exchanged.
/// Throws Error without parts, for a null one, or if their rows differ.
template <Real T>
Operator<T> stack_columns(std::vector<Operator<T>> parts);

template <Real T>
Operator<T> stack_rows(std::initializer_list<Operator<T>> parts) {
  return stack_rows(std::vector<Operator<T>>(parts));
}

template <Real T>
Operator<T> stack_columns(std::initializer_list<Operator<T>> parts) {
  return stack_columns(std::vector<Operator<T>>(parts));
}

}  // namespace sigmax
