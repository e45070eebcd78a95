// A^T B of dense matrices in double, each copied once into groups of 16 columns and used in many products. Internal to
// the library.
//
// Group g holds the columns 16 g ... 16 g + 15, row after row; a number of columns that is no multiple of 16 is padded
// with columns of zeros. Single-threaded: callers cut the work by groups.
#pragma once

#include <cstdint>

namespace sigmax::kernels {

/// The numbers of a matrix in groups.
constexpr std::int64_t column_groups_size(std::int64_t rows, std::int64_t columns) noexcept {
  return (columns + 15) / 16 * 16 * rows;
}

/// The groups of a column-major matrix.
void group_columns(const double* a, std::int64_t rows, std::int64_t columns, double* groups);

/// C_ij += the inner product of column i of `a` and column j of `b`, for i in the groups [first_a, last_a) and j in
/// [first_b, last_b): c[i + j stride]. Sums of `rows` products in any order, then one addition. Padded columns count.
void add_column_products(const double* a, const double* b, std::int64_t rows, std::int64_t first_a, std::int64_t last_a,
                         std::int64_t first_b, std::int64_t last_b, double* c, std::int64_t stride);

}  // namespace sigmax::kernels
