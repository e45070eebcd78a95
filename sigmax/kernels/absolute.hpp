// Products of |A|, the matrix of absolute values, with one nonnegative vector, as entrywise bounds need them. Internal
// to the library.
//
// Sums are formed in double. A computed entry has a relative error of at most gamma_n, where n is the number of terms
// (of both sums for the Gram product), plus n 2^-1075 max(1, |a_ij|) for products that underflow. Pieces are cut by the
// shape alone and added in order: the same bits for any number of threads. All throw Error if the storage type is not
// real or a vector does not fit the shape. Inputs and outputs must not overlap.
#pragma once

#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::kernels {

/// y = |A| x. One read of A.
void absolute_multiply(const StoredMatrix& a, std::span<const double> x, std::span<double> y, Context& context);

/// x = |A|^T y. One read of A.
void absolute_multiply_transposed(const StoredMatrix& a, std::span<const double> y, std::span<double> x,
                                  Context& context);

/// z = |A|^T |A| x. One read of A.
void absolute_gram(const StoredMatrix& a, std::span<const double> x, std::span<double> z, Context& context);

}  // namespace sigmax::kernels
