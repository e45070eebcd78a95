// Products of a stored matrix with blocks of vectors: A X, A^T Y, and A^T A X or A A^T Y in one read of A.
//
// T is the type that the sums are formed in, whatever the storage type: with double the result speaks of the stored
// values, |computed - exact| <= gamma_n |A| |X| entrywise, gamma_n = n u / (1 - n u), u = 2^-53, n the number of terms
// of a sum (for the Gram products, both sums); with float the same with u = 2^-24, and f64 entries rounded to float
// first. Rows are cut into pieces by the shape alone and pieces are added in order: the same bits for any number of
// threads. They throw Error if the storage type is not real or a block does not fit the shape. Inputs and outputs must
// not overlap.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
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

/// Z = A (A^T Y). One read of A for each 8 columns where that is faster than two (a panel of columns is used for both
/// products while it is in cache), two otherwise.
template <Real T>
void outer_gram(const StoredMatrix& a, MatrixView<const T> y, MatrixView<T> z, Context& context);

extern template void multiply<float>(const StoredMatrix&, MatrixView<const float>, MatrixView<float>, Context&);
extern template void multiply<double>(const StoredMatrix&, MatrixView<const double>, MatrixView<double>, Context&);
extern template void multiply_transposed<float>(const StoredMatrix&, MatrixView<const float>, MatrixView<float>,
                                                Context&);
extern template void multiply_transposed<double>(const StoredMatrix&, MatrixView<const double>, MatrixView<double>,
                                                 Context&);
extern template void gram<float>(const StoredMatrix&, MatrixView<const float>, MatrixView<float>, MatrixView<float>,
                                 Context&);
extern template void gram<double>(const StoredMatrix&, MatrixView<const double>, MatrixView<double>, MatrixView<double>,
                                  Context&);
extern template void outer_gram<float>(const StoredMatrix&, MatrixView<const float>, MatrixView<float>, Context&);
extern template void outer_gram<double>(const StoredMatrix&, MatrixView<const double>, MatrixView<double>, Context&);

}  // namespace sigmax::kernels
