// The hot loops over a matrix in compressed rows: products with blocks of vectors, and a low-rank matrix evaluated at
// the stored places.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

/// Where the entries of a sparse matrix lie, row after row: those of row i are begin[i] ... begin[i + 1] - 1, in the
/// columns column[begin[i]], ...
struct CompressedRows {
  std::span<const std::int64_t> begin;   ///< one more than there are rows
  std::span<const std::int32_t> column;  ///< of each entry

  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(begin.size()) - 1; }
  std::int64_t size() const noexcept { return static_cast<std::int64_t>(column.size()); }
};

/// y = A x for a block of columns; `values` has A's entries in their order. Each sum is formed in T, in the order of
/// the row's entries, so that the bits depend neither on the number of threads nor on the machine: |computed - exact|
/// <= gamma_k |A| |x| for a row of k entries. Cost: one read of A for 8 columns, and a copy of x if it has several.
/// Throws Error if the sizes do not fit.
template <Real T>
void multiply(const CompressedRows& a, std::span<const T> values, MatrixView<const T> x, MatrixView<T> y,
              Context& context);

/// out[e] = sum_k left(i, k) right(j, k) for each place e = (i, j): the entries of left right^T on a pattern, without
/// the others. Sums are formed in 8 fixed lanes: |computed - exact| <= gamma_r |left| |right|^T for r columns.
/// Cost: 2 r flops for each place, and a copy of both factors. Throws Error if the sizes do not fit.
void sampled_product(const CompressedRows& places, MatrixView<const double> left, MatrixView<const double> right,
                     std::span<double> out, Context& context);

}  // namespace sigmax::kernels
