// The largest eigenvalue of a symmetric matrix, for the searches. Internal to lipschitz/.
#pragma once

#include "sigmax/core/matrix.hpp"

namespace sigmax::lipschitz {

/// By Lanczos' method, from a fixed start, to about eight digits: an approximation from below. Both triangles of the
/// psd matrix are stored. Callers hold a SerialBlas. Cost: at most 60 products with the matrix.
double largest_eigenvalue(const Matrix<double>& a);

}  // namespace sigmax::lipschitz
