#include "sigmax/sensitivity/entries.hpp"

#include <fmt/format.h>

#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/square.hpp"
#include "sigmax/linalg/stored_view.hpp"

namespace sigmax::sensitivity {

Matrix<double> entries(std::string_view who, const Tensor& matrix, Context& context) {
  if (matrix.rank() != 2) {
    throw Error(fmt::format("[{}] takes a matrix, got a tensor of shape {}", who, to_string(matrix.shape())));
  }
  const StoredView view = stored_view(matrix);
  if (view.matrix.rows == 0 || view.matrix.columns == 0) {
    throw Error(fmt::format("[{}] the matrix has no entries, its shape is {}", who, to_string(matrix.shape())));
  }
  // Row-major rows x columns doubles are the columns of the transpose.
  Matrix<double> flipped(view.matrix.columns, view.matrix.rows);
  in_double(view.matrix, 1.0, flipped.values().data(), context);
  require_finite(std::as_const(flipped).values(), who, "the matrix");
  return view.transposed ? flipped : lapack::transposed(flipped.view());
}

Matrix<double> square_entries(std::string_view who, const Tensor& matrix, Context& context) {
  Matrix<double> a = entries(who, matrix, context);
  require_square(who, a);
  return a;
}

Tensor tensor_over(const Matrix<double>& a) {
  return Tensor::view_of(a.values(), {a.rows(), a.columns()}, {1, a.rows()});
}

}  // namespace sigmax::sensitivity
