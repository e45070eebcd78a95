// A matrix of which few entries are stored, as a linear operator: observations, masks, residuals of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sigmax/kernels/sparse.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// The places of a sparse matrix, sorted by rows and by columns. Several matrices may share one pattern.
class SparsePattern {
 public:
  /// Place e is (row[e], column[e]), counted from 0, in any order. Cost: O(places + rows + columns) time, 24 bytes for
  /// each place. Throws Error for a negative shape, a side of 2^31 or more, lists of different lengths, and a place
  /// that lies outside or is given twice; the message names it.
  SparsePattern(Shape shape, std::span<const std::int64_t> row, std::span<const std::int64_t> column);

  Shape shape() const noexcept { return shape_; }
  std::int64_t size() const noexcept { return static_cast<std::int64_t>(column_.size()); }

  /// The places row after row, columns ascending: the order of entries everywhere below.
  kernels::CompressedRows by_rows() const noexcept { return {row_begin_, column_}; }
  /// The places of the transpose in the same form: column after column, rows ascending.
  kernels::CompressedRows by_columns() const noexcept { return {column_begin_, row_}; }
  /// For each place in the order of columns, its position in the order of rows.
  std::span<const std::int64_t> from_rows() const noexcept { return from_rows_; }
  /// For each place in the order of rows, its position in the lists that the pattern was made from.
  std::span<const std::int64_t> given() const noexcept { return given_; }

  /// The number of rows, and of columns, without a place.
  std::int64_t empty_rows() const noexcept;
  std::int64_t empty_columns() const noexcept;

 private:
  Shape shape_;
  std::vector<std::int64_t> row_begin_;
  std::vector<std::int32_t> column_;
  std::vector<std::int64_t> column_begin_;
  std::vector<std::int32_t> row_;
  std::vector<std::int64_t> from_rows_;
  std::vector<std::int64_t> given_;
};

/// A pattern with a value at each place, in the order of rows. Zeros may be stored.
struct SparseMatrix {
  std::shared_ptr<const SparsePattern> pattern;
  std::vector<double> values;

  SparseMatrix(std::shared_ptr<const SparsePattern> places, std::vector<double> all);
  /// values[e] at (row[e], column[e]). Throws Error as SparsePattern does, and if there is not one value for each
  /// place.
  SparseMatrix(Shape shape, std::span<const std::int64_t> row, std::span<const std::int64_t> column,
               std::span<const double> given);
};

/// The matrix as an operator. It keeps the pattern alive and copies the values once, in both orders.
///
/// Cost: one read of the stored entries for each of A X and A^T Y with up to 8 columns. Each sum runs along a row or a
/// column in a fixed order: the bits are the same for any number of threads, and on every machine.
/// structure() is Opaque: certify() gives it a probabilistic upper end; bounds/sparse_sigma_max.hpp proves one.
/// Parameters: the stored values, in the order of rows. T = float rounds them.
/// Throws Error for a null pattern or a number of values that does not fit.
template <Real T>
Operator<T> sparse(const SparseMatrix& matrix);

}  // namespace sigmax
