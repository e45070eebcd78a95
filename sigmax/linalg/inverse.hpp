// The inverse of a square matrix, as computed: without a proof. bounds/pseudo_inverse.hpp verifies one.
#pragma once

#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax {

/// A^-1 by LU factorization with row exchanges; nothing if a pivot is 0 or not finite. Its relative error is about
/// n u kappa times the growth of the pivots. Throws Error unless the matrix is square. Cost: 2 n^3 flops on the
/// context's threads, with the same bits for any number of threads.
std::optional<Matrix<double>> inverse(Matrix<double> a, Context& context);

}  // namespace sigmax
