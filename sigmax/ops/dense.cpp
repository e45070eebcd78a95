#include "sigmax/ops/dense.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"
#include "sigmax/kernels/matvec.hpp"

namespace sigmax {
namespace {

template <Real T>
class Dense final : public LinearOperator<T> {
 public:
  explicit Dense(StoredView view) : view_(std::move(view)) {}

  Shape shape() const override {
    const kernels::StoredMatrix& a = view_.matrix;
    return view_.transposed ? Shape{a.columns, a.rows} : Shape{a.rows, a.columns};
  }

  const kernels::StoredMatrix* stored() const noexcept override { return &view_.matrix; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    for (std::int64_t j = 0; j < x.columns; ++j) {
      if (view_.transposed) {
        kernels::multiply_transposed(view_.matrix, x.column(j), y.column(j), context);
      } else {
        kernels::multiply(view_.matrix, x.column(j), y.column(j), context);
      }
    }
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    for (std::int64_t j = 0; j < y.columns; ++j) {
      if (view_.transposed) {
        kernels::multiply(view_.matrix, y.column(j), x.column(j), context);
      } else {
        kernels::multiply_transposed(view_.matrix, y.column(j), x.column(j), context);
      }
    }
  }

  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> z, Context& context) const override {
    if (view_.transposed) {
      // The fused kernel gives B^T B for the stored B = A^T; A^T A = B B^T needs its two halves the other way round.
      auto image = context.scratch<T>(static_cast<std::size_t>(view_.matrix.columns));
      const std::span<T> y(image.data(), image.size());
      for (std::int64_t j = 0; j < x.columns; ++j) {
        kernels::multiply_transposed(view_.matrix, x.column(j), y, context);
        kernels::multiply(view_.matrix, y, z.column(j), context);
      }
      return;
    }
    for (std::int64_t j = 0; j < x.columns; ++j) kernels::gram(view_.matrix, x.column(j), z.column(j), context);
  }

  StoredView view_;
};

}  // namespace

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

template <Real T>
Operator<T> dense(Tensor weight) {
  return std::make_shared<Dense<T>>(stored_view(weight));
}

template Operator<double> dense<double>(Tensor);

}  // namespace sigmax
