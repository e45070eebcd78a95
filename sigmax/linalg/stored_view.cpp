#include "sigmax/linalg/stored_view.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"

namespace sigmax {

StoredView stored_view(const Tensor& weight) {
  if (weight.rank() != 2) {
    throw Error(fmt::format("[dense] a matrix has 2 dimensions, got shape {}", to_string(weight.shape())));
  }
  if (!is_real(weight.dtype())) {
    throw Error(fmt::format("[dense] {} does not store real numbers", name(weight.dtype())));
  }
  const std::int64_t rows = weight.shape()[0];
  const std::int64_t columns = weight.shape()[1];
  const std::int64_t row_stride = weight.strides()[0];
  const std::int64_t column_stride = weight.strides()[1];
  if (weight.size() == 0 || ((column_stride == 1 || columns == 1) && (row_stride >= columns || rows == 1))) {
    return {weight, {weight.dtype(), weight.data(), rows, columns, rows == 1 ? columns : row_stride}, false};
  }
  if ((row_stride == 1 || rows == 1) && (column_stride >= rows || columns == 1)) {
    return {weight, {weight.dtype(), weight.data(), columns, rows, columns == 1 ? rows : column_stride}, true};
  }
  return stored_view(weight.compact());
}

Tensor transposed(const Tensor& matrix) {
  return {matrix.dtype(),
          {matrix.shape()[1], matrix.shape()[0]},
          {matrix.strides()[1], matrix.strides()[0]},
          matrix.data(),
          matrix.owner()};
}

}  // namespace sigmax
