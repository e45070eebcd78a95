// Conversion of matrices to double and back to the type that a solver computes in. Internal to the library.
#pragma once

#include <cstdint>
#include <utility>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax {

/// Doubles in row-major order without gaps, as kernels take them. Borrowed.
kernels::StoredMatrix stored_matrix(const double* values, std::int64_t rows, std::int64_t columns);

/// out[i * columns + j] = scale a_ij, row-major without gaps; exact if scale is a power of two and nothing underflows.
/// One read of A, on all threads. Throws Error if the storage type is not real.
void in_double(const kernels::StoredMatrix& a, double scale, double* out, Context& context);

/// Each value in double, exactly.
template <Real T>
Matrix<double> in_double(MatrixView<const T> x);

/// As above, for a matrix. A matrix of doubles that is moved in is moved out unchanged.
template <Real T>
Matrix<double> in_double(const Matrix<T>& x) {
  return in_double<T>(x.view());
}
inline Matrix<double> in_double(Matrix<double>&& x) { return std::move(x); }

/// Each value rounded to nearest in T.
template <Real T>
Matrix<T> in_type(const Matrix<double>& x);

}  // namespace sigmax
