// The entries of a stored matrix in double. Internal to sensitivity/.
#pragma once

#include <string_view>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::sensitivity {

/// Exactly the stored values. Throws Error, `[who] ...`, if the tensor is not 2-dimensional or not of a real type, is
/// empty, or has entries that are NaN or infinite. One read, and 8 bytes per entry, twice while it is copied.
Matrix<double> entries(std::string_view who, const Tensor& matrix, Context& context);

/// As above, and the matrix must be square.
Matrix<double> square_entries(std::string_view who, const Tensor& matrix, Context& context);

/// A tensor over the columns, whose memory must outlive it.
Tensor tensor_over(const Matrix<double>& a);

}  // namespace sigmax::sensitivity
