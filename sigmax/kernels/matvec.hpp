// Matrix-vector products with a stored matrix: A x, A^T y, and A^T A x in one read of A.
//
// Every function accumulates in double whatever the storage type, so that its result speaks of the stored values:
// |computed - exact| <= gamma_n |A| |x| entrywise, gamma_n = n u / (1 - n u), u = 2^-53, n the number of terms of a sum
// (for gram, both sums). Rows are cut into pieces by the shape alone and pieces are added in order: the same bits for
// any number of threads. They throw Error if the storage type is not real or a span does not fit the shape.
#pragma once

#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::kernels {

/// y = A x. One read of A.
void multiply(const StoredMatrix& a, std::span<const double> x, std::span<double> y, Context& context);

/// x = A^T y. One read of A.
void multiply_transposed(const StoredMatrix& a, std::span<const double> y, std::span<double> x, Context& context);

/// z = A^T (A x), one read of A: each block of rows is used for both products while it is in cache.
void gram(const StoredMatrix& a, std::span<const double> x, std::span<double> z, Context& context);

}  // namespace sigmax::kernels
