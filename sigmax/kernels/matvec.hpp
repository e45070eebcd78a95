// Products of a stored matrix with blocks of vectors: A X, A^T Y, and A^T A X or A A^T Y in one read of A.
//
// T is the type that the sums are formed in, whatever the storage type. With double the error refers to the stored
// values: |computed - exact| <= gamma_k |A| |X| entrywise, gamma_k = k u / (1 - k u), u = 2^-53. For the Gram products
// the factor is |A|^T |A| |X|, and k counts both sums together. With float, u = 2^-24, and k is one more for f64
// entries, which are rounded to float first. k is at most the number of terms of a sum, whatever the order. The order
// used makes k smaller for long sums:
//   along a row        k <= n / L + 24 for n columns: L lanes (4 floats or 2 doubles with SSSE3, 16 or 8 with AVX-512,
//                      1 without SIMD), a tree over the lanes, pieces of columns added in order
//   along a column     k <= 64 + m / 4 + 16 for m rows: blocks of 4 to 64 rows, sums of blocks in order, up to 16
//                      pieces of rows
// The caller must avoid overflow and underflow in float. A non-finite entry of A or X affects every sum that it is a
// term of, and no other.
//
// Work is cut into pieces by the shape alone and pieces are added in order: the same bits for any number of threads,
// but not for every instruction set. Below about 2^18 multiplications a product is one piece on the calling thread and
// takes no memory from the context. All throw Error if the storage type is not real or a block does not fit the shape.
// Inputs and outputs must not overlap.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/reads.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::kernels {

/// Y = A X. One read of A for each 8 columns.
template <Real T>
void multiply(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, Context& context);

/// X = A^T Y. One read of A for each 8 columns.
template <Real T>
void multiply_transposed(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> x, Context& context);

/// Z = A^T (A X), and Y = A X too if `y` has data. One read of A for each 8 columns: each block of rows is used for
/// both products while it is in cache.
template <Real T>
void gram(const StoredMatrix& a, MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context);

/// Z = A (A^T Y). For each 8 columns one read of A where that is faster than two (a panel of columns is used for both
/// products while it is in cache), otherwise two.
template <Real T>
void outer_gram(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> z, Context& context);

}  // namespace sigmax::kernels
