// Kernels for one matrix that fits the cache, on a single thread: the building blocks of the batched solvers. Internal
// to the library.
//
// A working copy is row-major with `stride = small_stride(columns)` elements from row to row, 64-byte aligned, zeros
// between `columns` and the stride; vectors that go with it have the same length and the same zeros. So no kernel has a
// remainder loop. Callers own the memory and guarantee the shapes: nothing is checked.
//
// T is the type of the working copy and S the type of a product's sums: |computed - exact| <= gamma_n |A| |x|
// entrywise, where n is the number of terms and gamma uses the unit roundoff of S.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sigmax/core/dtype.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

/// A matrix in storage with any strides, in elements: f64, f32, f16 or bf16.
struct StridedMatrix {
  DType dtype = DType::f64;
  const std::byte* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 0;

  StridedMatrix transposed() const noexcept { return {dtype, data, columns, rows, column_stride, row_stride}; }
};

/// Elements from one row of a working copy to the next: `columns` rounded up to 16.
constexpr std::int64_t small_stride(std::int64_t columns) noexcept { return (columns + 15) / 16 * 16; }

/// max |a_ij|; NaN if an entry is not finite.
double small_largest(const StridedMatrix& a);

/// Writes the working copy of scale A to `out`. Exact for a power of two if nothing underflows and T holds the storage
/// type.
template <Real T>
void small_load(const StridedMatrix& a, double scale, T* out);

/// G = A^T A for the working copy A of rows x columns: a working copy of columns x columns, with rows of zeros up to
/// small_stride(columns). rows columns^2 / 2 multiply-adds; the sums are in T.
template <Real T>
void small_gram(std::int64_t rows, std::int64_t columns, const T* a, T* g);

/// Householder's reduction of a symmetric working copy to tridiagonal form, G = Q T Q^T. `diagonal` has n elements for
/// the order n, `off_diagonal` n - 1. Overwrites G: row k holds the vector of H_k = I - h_k h_k^T, Q = H_0 H_1 ...
/// Entries should be of the order of 1: an off-diagonal column of norm below 1e-15 (float) or 1e-140 (double) is taken
/// as zero. n^3 multiply-adds; `work` has 2 small_stride(n) elements. Backward stable: the error is of the order of
/// n u |G|_F.
template <Real T>
void small_tridiagonal(std::int64_t n, T* g, T* work, double* diagonal, double* off_diagonal);

/// x <- Q x, with the Q that small_tridiagonal left in `g`.
template <Real T>
void small_rotate(std::int64_t n, const T* g, T* x);

/// y = A x: `rows` dot products. y has room for small_stride(rows); only `rows` entries are written.
template <Real T, Real S>
void small_multiply(std::int64_t rows, std::int64_t columns, const T* a, const S* x, S* y);

/// x = A^T y: a sum of `rows` weighted rows.
template <Real T, Real S>
void small_multiply_transposed(std::int64_t rows, std::int64_t columns, const T* a, const S* y, S* x);

}  // namespace sigmax::kernels
