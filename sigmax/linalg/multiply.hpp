// Products of dense matrices in double on the context's threads. Internal to the library; callers hold a SerialBlas.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// C <- alpha A B + beta C, or alpha A^T B + beta C with `adjoint`. Each entry is one inner product and a sum, by
/// dgemm; C is cut into tiles of columns, so that the bits are the same for any number of threads.
void multiply_add(double alpha, const Matrix<double>& a, bool adjoint, const Matrix<double>& b, double beta,
                  Matrix<double>& c, Context& context);

}  // namespace sigmax
