// All that one pass over a matrix can tell: entrywise sums, row and column sums, non-finite entries.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::kernels {

/// Sums over the entries of one matrix. They sum |a_ij| in the units of the matrix, except that `sum_squares` sums
/// (scale a_ij)^2, where `scale` is the power of two nearest 1 that keeps the squares of all entries within range.
///
/// Each sum has a relative error of at most gamma_n, where n is its number of terms, because all terms are nonnegative.
/// That of `sum_squares` is at most gamma_n for n = rows + 2 columns + 32, since no term passes through more roundings;
/// what underflows adds to it at most 2^-270 of the largest square for each entry.
struct Scan {
  double max_abs = 0;
  double sum_squares = 0;  ///< sum (scale a_ij)^2
  double scale = 1;
  double largest_row_sum = 0;      ///< norm_inf
  double largest_column_sum = 0;   ///< norm_1
  double smallest_row_sum = 0;     ///< NumPy's -inf
  double smallest_column_sum = 0;  ///< NumPy's -1
  std::int64_t nan = 0;
  std::int64_t infinite = 0;
  std::optional<std::int64_t> first_non_finite{};  ///< i * columns + j of the first in row-major order

  bool finite() const noexcept { return nan == 0 && infinite == 0; }
};

/// The sums that are wanted. max_abs and what is not finite are always found; the other sums are 0.
enum class Sums { all, rows, columns, squares };

/// One read of A (two for f64 entries beyond 2^+-400, whose squares could overflow or underflow, if squares are
/// wanted). The sums are meaningless if there are non-finite entries. Throws Error if the storage type is not real.
///
/// Memory is the limit. 16-bit entries take more arithmetic per cache line, which in one thread does not overlap fully
/// with the read (docs/performance.md).
Scan scan(const StoredMatrix& a, Sums wanted, Context& context);
inline Scan scan(const StoredMatrix& a, Context& context) { return scan(a, Sums::all, context); }

}  // namespace sigmax::kernels
