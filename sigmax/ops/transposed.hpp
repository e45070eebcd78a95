// The transpose of an operator.
#pragma once

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// A^T. The transpose of a transpose is the operator itself.
///
/// Cost: that of A, with its Gram product and its outer Gram product exchanged (A A^T y with the image A^T y takes two
/// passes). structure() is Stored with `transposed` flipped if A is a stored matrix, and Transposed otherwise.
/// Parameters: those of A.
/// Throws Error for a null operator.
template <Real T>
Operator<T> transposed(Operator<T> a);

}  // namespace sigmax
