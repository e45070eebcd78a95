#include "sigmax/linalg/convert.hpp"

#include <algorithm>

#include "sigmax/kernels/convert.hpp"

namespace sigmax {

kernels::StoredMatrix stored_matrix(const double* values, std::int64_t rows, std::int64_t columns) {
  return {DType::f64, reinterpret_cast<const std::byte*>(values), rows, columns, columns};
}

void in_double(const kernels::StoredMatrix& a, double scale, double* out, Context& context) {
  constexpr std::int64_t kRowsEach = 64;
  const auto pieces = static_cast<std::size_t>((a.rows + kRowsEach - 1) / kRowsEach);
  context.parallel_for(pieces, [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kRowsEach;
    kernels::convert(a.row_range(first, std::min(kRowsEach, a.rows - first)), scale, out + first * a.columns,
                     a.columns);
  });
}

}  // namespace sigmax
