// Walks over the entries of a stored matrix in double, row after row or line after line. Internal to norms/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax::norms {

/// The number of pieces, by the shape alone.
std::size_t pieces_of(const kernels::StoredMatrix& a);

/// Calls visit(piece, i, row) with every row in double, scaled. The pieces run in parallel, the rows of each in order.
template <class Visit>
void for_each_row(const kernels::StoredMatrix& a, double scale, std::size_t pieces, Context& context,
                  const Visit& visit) {
  const auto count = static_cast<std::int64_t>(pieces);
  context.parallel_for(pieces, [&](std::size_t p) {
    auto row = context.scratch<double>(static_cast<std::size_t>(a.columns));
    const std::int64_t first = a.rows * static_cast<std::int64_t>(p) / count;
    const std::int64_t last = a.rows * static_cast<std::int64_t>(p + 1) / count;
    for (std::int64_t i = first; i < last; ++i) {
      kernels::convert(a.row_range(i, 1), scale, row.data(), a.columns);
      visit(p, i, std::span<const double>(row.data(), row.size()));
    }
  });
}

/// Columns that are gathered at a time: a read of the matrix then touches whole cache lines.
inline constexpr std::int64_t kGathered = 16;

/// Calls visit(i, line) with every row, or every column, in double. Lines run in parallel and must not share memory.
template <class Visit>
void for_each_line(const kernels::StoredMatrix& a, bool of_columns, Context& context, const Visit& visit) {
  if (!of_columns) {
    for_each_row(a, 1, pieces_of(a), context,
                 [&](std::size_t, std::int64_t i, std::span<const double> row) { visit(i, row); });
    return;
  }
  const auto groups = static_cast<std::size_t>((a.columns + kGathered - 1) / kGathered);
  context.parallel_for(groups, [&](std::size_t group) {
    kernels::StoredMatrix part = a;
    const std::int64_t first = static_cast<std::int64_t>(group) * kGathered;
    part.columns = std::min(kGathered, a.columns - first);
    part.data += static_cast<std::size_t>(first) * size_of(a.dtype);
    auto columns = context.scratch<double>(static_cast<std::size_t>(part.columns * a.rows));
    double row[kGathered];
    for (std::int64_t i = 0; i < a.rows; ++i) {
      kernels::convert(part.row_range(i, 1), 1, row, kGathered);
      for (std::int64_t j = 0; j < part.columns; ++j) columns.data()[j * a.rows + i] = row[j];
    }
    for (std::int64_t j = 0; j < part.columns; ++j) {
      visit(first + j, std::span<const double>(columns.data() + j * a.rows, static_cast<std::size_t>(a.rows)));
    }
  });
}

/// sum of f(a_ij) over all entries: first in each row, then over the rows in order.
template <class F>
double sum_over(const kernels::StoredMatrix& a, Context& context, const F& f) {
  std::vector<double> rows(static_cast<std::size_t>(a.rows), 0.0);
  for_each_row(a, 1, pieces_of(a), context, [&](std::size_t, std::int64_t i, std::span<const double> row) {
    double sum = 0;
    for (const double value : row) sum += f(value);
    rows[static_cast<std::size_t>(i)] = sum;
  });
  double sum = 0;
  for (const double value : rows) sum += value;
  return sum;
}

/// The p-norm of each row.
std::vector<Enclosure> row_enclosures(const kernels::StoredMatrix& a, double p, Context& context);

/// Sums of each row, or of each column.
struct LineSums {
  std::vector<double> value;        ///< the sum of |a_ij|, times scale
  std::vector<std::int64_t> zeros;  ///< entries that are 0
};

/// One read, in `pieces` pieces.
LineSums sums_of(const kernels::StoredMatrix& a, double scale, bool of_columns, std::size_t pieces, Context& context);

}  // namespace sigmax::norms
