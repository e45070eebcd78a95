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

template <Real T>
Matrix<double> in_double(MatrixView<const T> x) {
  Matrix<double> result(x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), result.column(j).begin());
  return result;
}

template <Real T>
Matrix<T> in_type(const Matrix<double>& x) {
  Matrix<T> result(x.rows(), x.columns());
  std::ranges::transform(x.values(), result.values().begin(), [](double value) { return static_cast<T>(value); });
  return result;
}

template Matrix<double> in_double<float>(MatrixView<const float>);
template Matrix<double> in_double<double>(MatrixView<const double>);
template Matrix<float> in_type<float>(const Matrix<double>&);
template Matrix<double> in_type<double>(const Matrix<double>&);

}  // namespace sigmax
