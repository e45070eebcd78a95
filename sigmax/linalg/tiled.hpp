// Symmetric updates, products with a transposed factor and triangular solves of dense matrices, in tiles on the
// context's threads. Internal to the library; callers hold a SerialBlas.
//
// Every entry is one inner product by BLAS, and a sum or a quotient. Tiles depend on shapes alone, so that the bits are
// the same for any number of threads.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::tiled {

/// C <- alpha A B^T + beta C
void multiply_transposed(double alpha, const Matrix<double>& a, const Matrix<double>& b, double beta, Matrix<double>& c,
                         Context& context);

/// The lower triangle of C <- alpha A A^T + beta C; above it, entries near the diagonal are overwritten as well.
void add_square(double alpha, const Matrix<double>& a, double beta, Matrix<double>& c, Context& context);

/// The lower triangle of C <- alpha A B^T + beta C for an A B^T that is symmetric. As above.
void add_symmetric(double alpha, const Matrix<double>& a, const Matrix<double>& b, double beta, Matrix<double>& c,
                   Context& context);

/// X <- X L^-T for a lower triangular L.
void solve_from_right(const Matrix<double>& l, Matrix<double>& x, Context& context);

/// X <- L^-1 X
void solve_from_left(const Matrix<double>& l, Matrix<double>& x, Context& context);

/// X <- L^-T X
void solve_transposed_from_left(const Matrix<double>& l, Matrix<double>& x, Context& context);

/// (L L^T)^-1, both triangles, for a lower triangular L. Cost: 2/3 n^3 flops.
Matrix<double> inverse_of_square(const Matrix<double>& l, Context& context);

/// The upper triangle becomes the transpose of the lower.
void mirror_lower(Matrix<double>& a, Context& context);

}  // namespace sigmax::tiled
