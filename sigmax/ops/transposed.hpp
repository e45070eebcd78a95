// The transpose of an operator.
#pragma once

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// A^T. The transpose of a transpose is the operator itself.
///
/// Cost: that of A, its Gram product and its outer Gram product changing places (A^T as image beside A A^T y takes two
/// passes). structure() is Stored, turned round, where A is a stored matrix, and Transposed otherwise.
/// Parameters: those of A.
/// Throws Error for a null operator.
template <Real T>
Operator<T> transposed(Operator<T> a);

}  // namespace sigmax
